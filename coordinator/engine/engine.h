// The decisions of the coordinator: a deterministic state machine without threads, clock, SQL or network.
//
//   apply(event, now) → changes (rows to commit) + outbox (what to send once they are committed)
//
// The loop (coordinator/server/engine_loop.h) drains its queue, applies many events, commits `changes` in one
// transaction, then sends the outbox. Restart: the store's rows go through restore() into the same code.
#pragma once
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/engine/changes.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/status.h"
#include "core/config/sweep.h"
#include "core/messages/fleet.h"
#include "core/messages/trial_state.h"

namespace autonorm::engine {

using RequestId = int64_t;  // of a call that waits for an answer; chosen by the server layer

// ---- events ----
struct SubmitSweep {
  RequestId request = 0;
  std::shared_ptr<const config::Sweep> sweep;  // expanded on the RPC's thread
  config::SweepSource source;                  // stored, for provenance
  FreezeConfig freeze;                         // of sweep->trials[i]; EngineLoop::submit fills it in
  bool fresh = false;                          // ignore results of earlier sweeps
  std::string idempotency_key;
  bool resumes = false;  // not by people: completes what a restart cut short; what was inserted before stays as it is
};
enum class SweepAction { kCancel, kPause, kResume };
struct ActOnSweep {
  RequestId request = 0;
  SweepId sweep;
  SweepAction action{};
  std::string idempotency_key;
};
// Failed trials, and cancelled ones where they are named, start again with all their attempts before them. Stages that
// they need come along, and so do trials that failed only because of a stage among them. Results are never touched.
struct RetryTrials {
  RequestId request = 0;
  std::optional<SweepId> sweep = {};  // absent: `trial` alone says which
  std::string variant = {};           // only this row of the sweep; empty = all
  std::string trial = {};             // only this one: the start of its id; empty = all
  bool cancelled = false;             // cancelled trials too, a cancelled sweep as a whole; `trial` in any case
  std::string idempotency_key = {};
};
struct DrainWorkers {
  RequestId request = 0;
  std::string worker = {};  // an id, the only one that starts so, or a host: all its workers
  Drain drain{};            // kNo: they are used again
  std::string idempotency_key = {};
};
// The answer to a call that the engine does not carry out itself: kept under its key, like its own ones.
struct KeepAnswer {
  RequestId request = 0;
  ReplyRecord reply = {};
};
struct WorkerHello {
  SessionId session;
  fleet::Hello hello;
};
struct WorkerMessage {
  SessionId session;
  fleet::ToCoordinator message;  // not Hello
  // Of a Failed that names something unusable: the trial's durable checkpoints, newest first. EngineLoop fills it in.
  std::vector<fleet::ResumePoint> older = {};
};
struct SessionClosed {
  SessionId session;
};
struct Tick {};  // at least every 500 ms: leases, timeouts, scheduling
struct ArtifactStored {
  Sha256 hash;
  int64_t bytes = 0;
};  // durable in the artifact folder
// Files that pinned_artifacts() did not name are gone.
struct ArtifactsDropped {
  std::vector<Sha256> hashes;
};
struct Stopping {};  // clean shutdown: tell every worker
using EngineEvent = std::variant<SubmitSweep, ActOnSweep, RetryTrials, DrainWorkers, KeepAnswer, WorkerHello,
                                 WorkerMessage, SessionClosed, Tick, ArtifactStored, ArtifactsDropped, Stopping>;

// ---- outbox ----
struct ToSession {
  SessionId session;
  fleet::ToWorker message;
};
struct CloseSession {
  SessionId session;
};
struct SubmitReply {
  RequestId request = 0;
  Status status = {};
  SweepId sweep = {};
  bool existed = false;
  int64_t cells = 0;
  int64_t trials = 0;
  int64_t new_trials = 0;
  int64_t cached = 0;
  int64_t revived = 0;
};
struct ActReply {
  RequestId request = 0;
  Status status = {};
  int64_t trials_affected = 0;
  int64_t workers_affected = 0;
};
using Outgoing = std::variant<ToSession, CloseSession, SubmitReply, ActReply>;

// ---- views for people (list, status, watch, workers, explain); plain values, no pointers into the engine ----
// Failed trials that ended alike: same reason, same first line but for numbers and ids.
struct FailureGroup {
  EndReason end{};
  std::string text;  // first line, of the example
  int64_t count = 0;
  TrialId example;  // the oldest
};
struct SweepView {
  SweepId id;
  std::string name;
  std::string question;
  std::string state;                     // "submitting" | "running" | "paused" | "halted" | "cancelled" | "done"
  std::map<TrialState, int64_t> counts;  // distinct trials by state
  int64_t trials = 0, cells = 0;
  WallTime submitted{};
  std::vector<FailureGroup> failures;  // the largest first, at most 10
  std::optional<double> eta_s;         // from mean duration of finished attempts and slots; absent before the first
};
struct TrialView {
  TrialId id;
  std::string variant;
  std::map<std::string, std::string> labels;
  uint64_t seed = 0;
  TrialState state{};
  Attempt attempt;
  int64_t ranks = 1;
  bool is_stage = false;
  std::string reason;  // why it waits or how it ended; "" while running
  std::optional<EndReason> end;
  std::vector<WorkerId> workers;
  std::string host;
  int64_t step = 0, total_steps = 0;
  std::string phase;
  std::optional<double> loss;
  double samples_per_s = 0;
};
// Which trials of a sweep are asked for. Empty parts leave nothing out.
struct TrialFilter {
  std::set<TrialState> states = {};
  std::string variant = {};
  int64_t from = 0;  // TrialPage::next of the page before
  int64_t most = 0;  // trials in one page; 0 = all
};
struct TrialPage {
  std::vector<TrialView> trials;
  int64_t matching = 0;         // from `from` on, on this page and later ones
  std::optional<int64_t> next;  // where the next page begins; absent on the last one
};
struct WorkerView {
  WorkerId id;
  std::string host;
  fleet::Device device;
  std::string mpi_world;
  int mpi_rank = 0, mpi_size = 1;
  std::string state;  // "idle" | "busy" | "reserved" | "draining" | "drained" | "quarantined" | "lost"
  std::string reason;
  std::optional<TrialId> trial;
  double lease_left_s = 0;
  std::string build, torch;
  bool recovery = false;
};

// Why one trial is where it is.
struct ExplainedTrial {
  TrialId id;
  SweepId sweep;
  std::string variant;
  std::map<std::string, std::string> labels;
  uint64_t seed = 0;
  bool is_stage = false;
  TrialState state{};
  Attempt attempt;
  std::string reason;   // why it waits, what it does, or how it ended; "" where there is nothing to say
  std::string outlook;  // when it may start; "" where nobody can say
  int64_t failed_attempts = 0, max_attempts = 0;  // that count
  std::optional<int64_t> checkpoint_step;         // newest, of a trial that may train again
};
struct Explanation {
  std::vector<ExplainedTrial> trials;
  std::vector<std::string> lines;  // all of it, for people
  std::optional<TrialId> failed;   // the only trial that matched, when attempts of it have failed: the store knows more
};

// ---- the engine ----
struct Limits {
  std::chrono::milliseconds lease{15'000}, heartbeat{2'000}, start_timeout{120'000};
  std::chrono::milliseconds silent_trainer{5'000};  // without its tick, a trainer counts as dead
  std::chrono::milliseconds reserve_after{30'000};  // a gang at the head of the queue withholds slots from then on
  std::chrono::milliseconds avoid_for{60'000};  // a trial lets others have the workers where it failed, at most so long
  std::chrono::milliseconds stop_patience{60'000};  // for checkpoint_then_stop before the trainer is killed
  std::chrono::milliseconds release_patience{
      30'000};  // between the end of an attempt and SlotFree before a kill is sent (again)
  std::chrono::milliseconds forget_lost{600'000};  // a lost worker is listed that long
  std::chrono::milliseconds quarantine_window{600'000};
  int quarantine_crashes = 3;          // distinct trials within the window
  int64_t slice = 2'000;               // trials that are inserted, cancelled or retried at a time
  int64_t log_lines = 1'000;           // kept per attempt; later ones are dropped
  size_t remembered_replies = 10'000;  // idempotency keys
};
struct EngineOptions {
  int64_t epoch = 1;                      // of the state directory
  std::string secret = {};                // new for each start; tokens are hash(secret, counter)
  int64_t clock_era = 0;                  // while it is the same, steady times are of one clock; 0 = never
  std::string build = {};                 // version of the coordinator
  std::string worker_command = "worker";  // how explain tells people to start one
  Limits limits = {};
};
struct Batch {
  std::vector<Change> changes;   // one transaction
  std::vector<Outgoing> outbox;  // after its commit. A Start's `config` is empty: the loop fills it in from the store
};

struct Interrupted {
  SweepId sweep;
  bool fresh = false;  // as it was submitted
};

struct Core;

// One thread at a time. Never fails on what workers send: what does not fit the state is refused, ignored or answered.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // Once, before anything else. Workers of open attempts get a full lease to come back.
  void restore(Snapshot snapshot, Now now);

  // `now` must not go back. Changes and messages gather until take().
  void apply(const EngineEvent& event, Now now);
  // The next slice of what is too much for one batch: a submission, a cancellation, a retry. True while there is more.
  bool continue_slices(Now now);
  // Starts what fits. Called once per batch, after the events.
  void schedule(Now now);
  // After a stall of the process itself: workers could not renew their leases.
  void extend_leases(std::chrono::milliseconds stall);
  Batch take();

  // Sweeps that a crash left half inserted: to be expanded from their source and submitted again, with request 0.
  std::vector<Interrupted> interrupted() const;

  std::vector<SweepView> sweeps(Now now) const;
  std::vector<TrialView> trials(std::optional<SweepId> sweep) const;  // one per claim; newest sweep when absent
  TrialPage trial_page(SweepId sweep, const TrialFilter& filter) const;
  // Those of them that are assigned or running.
  std::vector<TrialView> active_trials(SweepId sweep) const;
  std::vector<WorkerView> workers(Now now) const;
  Result<Explanation> explain(const std::string& prefix, Now now) const;
  // What was kept of a call under this key; absent when there is nothing, kConflict when it was another call.
  Result<std::optional<std::string>> kept_answer(const std::string& key, const std::string& call) const;
  // Those of `among` that have a result.
  std::set<TrialId> finished_trials(const std::vector<TrialId>& among) const;
  bool has_artifact(const Sha256& hash) const;
  // Manifests of checkpoints and models that a trial which may train again needs; may repeat itself. O(trials).
  std::vector<Sha256> pinned_artifacts() const;
  // What is wrong with the state, one line each; empty = nothing. O(everything): for tests.
  std::vector<std::string> check_invariants() const;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace autonorm::engine
