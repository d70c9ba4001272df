// What people and results alone say about a cluster: which sweeps there are, who claims which trial, which results were
// accepted. It knows nothing of workers, leases or attempts; the engine has to agree with it after every step.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "core/config/sweep.h"
#include "tests/support/walk_clocks.h"

namespace autonorm::testing {

class WalkModel {
 public:
  enum class State { kRunning, kPaused, kHalted, kCancelled };

  // What the engine will answer to a submission: the number of the sweep, and whether it existed.
  struct Submitted {
    SweepId sweep;
    bool existed = false;
  };
  Submitted submit(const config::Sweep& sweep, bool fresh);
  // False where the engine has to refuse it (the sweep is cancelled, or there is none).
  bool act(SweepId sweep, engine::SweepAction action);
  // False where it has to be refused: the sweep is cancelled, or the named trial is open or has a result.
  bool retry(const engine::RetryTrials& what);
  void drain(const WorkerId& worker, engine::Drain drain);
  void result(const TrialId& trial, double accuracy);  // of the current attempt, acknowledged
  void bad_end(const TrialId& trial);                  // an attempt that ended without a result

  bool wants(const TrialId& trial) const;   // a running sweep claims it
  bool halted(const TrialId& trial) const;  // a sweep claims it that its on_failure rule has halted
  bool claims(const TrialId& trial) const;  // a sweep that is not cancelled claims it
  // What running sweeps give it at most; absent when there is none. `sure`: without those that max_parallel may hold
  // up.
  std::optional<int64_t> priority(const TrialId& trial, bool sure) const;
  bool waited(
      const TrialId& trial) const;  // it was queued at the last observe(), and nothing has ever gone wrong with it
  bool is_gang(const TrialId& trial) const { return trials_.at(trial).ranks > 1; }
  bool drained(const WorkerId& worker) const { return drained_.contains(worker); }
  bool stages_done(const TrialId& trial) const;
  std::optional<double> accepted(const TrialId& trial) const;
  int64_t size() const { return static_cast<int64_t>(sweeps_.size()); }

  // The engine's open trials of each sweep before an action decide what it changes: call it before act() and submit().
  void observe(const engine::Engine& engine, Now now);
  WalkClocks clocks;
  // What the engine's views say that cannot be, one line each.
  std::vector<std::string> disagreements(const engine::Engine& engine, Now now);

 private:
  struct Sweep {
    SweepId id;
    Sha256 content;
    State state = State::kRunning;
    std::set<TrialId> trials;
    int64_t priority = 0, max_parallel = 0, fail_fast = 0;
    // Failed trials that people have seen: where slices or restarts decide, a range.
    int64_t tolerated_low = 0, tolerated_high = 0;
    bool perhaps_halted = false;
  };
  struct Trial {
    std::vector<TrialId> stages;
    int64_t ranks = 1, priority = 0;
    bool unlucky = false;  // an attempt of it ended badly, ever
    std::optional<double> accuracy;
    Attempt attempt;       // newest seen
    int64_t bad_ends = 0;  // since it was last wanted anew
    TrialState state{};    // as observed
  };
  Sweep* find(SweepId id);
  bool any_open(const Sweep& sweep) const;
  int64_t failed(const Sweep& sweep) const;  // as observed
  void run_again(const TrialId& id, std::set<TrialId>& started);
  void check_sweep(const engine::SweepView& view, Sweep& sweep, const std::vector<engine::TrialView>& trials,
                   std::vector<std::string>& findings);
  void check_trial(const engine::TrialView& view, std::vector<std::string>& findings);

  std::vector<Sweep> sweeps_;  // by id, from 1
  std::map<TrialId, Trial> trials_;
  std::set<WorkerId> drained_;
};

}  // namespace autonorm::testing
