// Random operations on a fake cluster beside the model of walk_model.h. A walk is a list of operations that means
// something from any state on, so that a failing one can be shortened by leaving operations out.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/fake_cluster.h"
#include "tests/support/walk_model.h"

namespace autonorm::testing {

enum class WalkAction {
  kSubmit,  // one of the sweeps; some with an idempotency key, some fresh
  kCancel,
  kPause,
  kResume,
  kRetry,  // of a sweep, some with its cancelled trials, some of one trial alone
  kDrain,  // a worker, at once or after its trial
  kUndrain,
  kAttach,         // one more worker
  kDetach,         // its connection breaks
  kReattach,       // it connects again with all it knows
  kRestartWorker,  // a new process on the same work-dir
  kSilence,        // connected, but says nothing more
  kObey,           // it reads what it was told: killed trainers end, slots are given back
  kReport,         // joined, a step, a checkpoint or a result of a live trial
  kFail,
  kDuplicate,  // an event once more
  kReorder,    // an event overtakes the one before it
  kDamage,     // the checkpoint that a trial is to begin from cannot be read
  kStale,      // an event of an attempt that is over
  kWait,       // up to 4 s
  kOutage,     // everybody is away for longer than a lease
  kClockJump,  // of the wall clock, by up to an hour either way
  kCrash,      // kill -9 of the coordinator between two events
  kDieMidway,  // … within the next operation that writes: before its commit, or after it and before any message
};

struct WalkOperation {
  WalkAction action{};
  uint32_t a = 0, b = 0;  // which worker, trial, sweep …: taken modulo what there is
};

// Slices that even the walk's small sweeps take several of.
engine::Limits walk_limits();
std::vector<WalkOperation> make_walk(uint64_t seed, size_t length);
std::string describe(const WalkOperation& operation);

class ClusterWalk {
 public:
  // `options.store` must be set, and `options.replay` not. Three workers are there at the start, and a sweep is
  // submitted.
  explicit ClusterWalk(ClusterOptions options);

  void step(const WalkOperation& operation);
  // Everybody comes back and works: everything wanted ends. Compares the stored results with the model's.
  void settle();
  // What was wrong, in order; empty = nothing.
  const std::vector<std::string>& findings() const { return findings_; }
  FakeCluster& cluster() { return cluster_; }
  // After CoordinatorDied was thrown by ClusterOptions::committed, out of step() or of this. `committed` is asked once
  // the database is open again: are the changes of the interrupted operation there?
  void come_back(const std::function<bool()>& committed);

 private:
  void carry_out(const WalkOperation& operation);
  void submit(uint32_t which, uint32_t how);
  void act(uint32_t which, engine::SweepAction action);
  void retry(uint32_t which, uint32_t how);
  void drain(const WorkerId& id, engine::Drain drain);
  void report(const engine::TrialView& view, uint32_t how);
  void finish(const engine::TrialView& view);
  void step_on(const engine::TrialView& view);
  void fail(const engine::TrialView& view, uint32_t how);
  void repeat(const WorkerId& id, uint32_t which);
  void reorder(const engine::TrialView& view, uint32_t how);
  void damage(const engine::TrialView& view);
  void retry_in_slices(const engine::RetryTrials& what, uint32_t meanwhile);
  void crash();
  void pass(std::chrono::milliseconds span);
  void watch_clocks(bool ticked);
  void check();
  void check_new_starts();
  void check_turns(const std::vector<engine::TrialView>& started);
  void check_starts();
  void check_drained();
  void check_one_owner();
  void check_stored_results();
  void learn_results();

  std::vector<std::string> findings_;
  std::vector<config::Sweep> sweeps_;
  FakeCluster cluster_;
  WalkModel model_;
  std::optional<WalkModel> before_;            // before the submission or action of this step
  const config::Sweep* submitting_ = nullptr;  // in this step, as people would again after a crash
  std::vector<WorkerId> workers_;
  std::map<TrialId, Attempt> started_;                               // newest attempts seen
  std::vector<std::pair<WorkerId, fleet::Event>> past_;              // events of attempts, for stale reports
  std::map<TrialId, std::pair<fleet::AttemptKey, double>> offered_;  // results that a worker has sent
  int64_t steps_ = 0;
  std::optional<TrialId> saving_;  // its checkpoint is under way
  bool calm_ = false;              // this step changes no sweep, and nobody has died
  std::optional<Death> dies_;
};

// Runs the walk with `seed`; findings as above. Failed assertions within the cluster are findings, too.
std::vector<std::string> run_walk(const std::vector<WalkOperation>& walk, const ClusterOptions& options);
// The walk without every operation that the failure does not need.
std::vector<WalkOperation> shrink_walk(std::vector<WalkOperation> walk, const ClusterOptions& options);

}  // namespace autonorm::testing
