// The engine with a clock that tests move, workers that tests speak for, and an outbox that is recorded. Rows go to a
// real store in a temporary folder (or nowhere), so that a restart is a restart. After every event the engine's
// invariants are checked, and that every trial which waits is explained.
//
// What a test does to the cluster is noted step by step. When the cluster goes, the same steps are taken again on new
// ones, each with a coordinator that dies at another event (restart_replays.h): a story need not think of restarts.
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/store/store.h"
#include "tests/support/explain_rules.h"
#include "tests/support/restart_replays.h"
#include "tests/support/sweep_builder.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::testing {

using namespace std::chrono_literals;

struct WorkerSpec {
  std::string name = {};  // "" = w0, w1, …
  std::string host = "a";
  std::string world = "world-1";
  std::string device = "cpu";
  int mpi_rank = -1;  // -1 = next in its world
};

// What a worker keeps about an attempt, as its spool would.
struct FakeAttempt {
  fleet::AttemptKey key;
  std::vector<fleet::Event> events;  // all, from seq 1
  Seq acked;
  bool terminal = false, alive = true;
};

struct FakeWorker {
  fleet::Hello hello;
  std::optional<SessionId> session;
  bool silent = false;  // connected, but stopped: sends nothing
  std::map<TrialId, FakeAttempt> attempts;
  std::vector<fleet::AttemptKey> dying;  // killed by a Welcome; their trainers are still there
  std::vector<fleet::ToWorker> inbox;    // everything but Ack, since the last take_messages()
};

struct ClusterOptions {
  bool store = true;
  engine::Limits limits = {};
  // A restart keeps the database open and reads its rows again: as much of a restart for the engine, but faster.
  bool reopen = true;
  int64_t clock_era = 1;                   // EngineOptions; 0 = steady times cannot be compared over a restart
  std::function<void()> before_open = {};  // between closing the database and opening it again
  std::function<void()> committed = {};    // after each commit, before anything is sent; may throw CoordinatorDied
  bool replay = true;                      // with a store, within a GoogleTest test
  const char* restarts_matter = nullptr;   // see restarts_matter()
};

// Thrown out of a call on the cluster when its coordinator dies in the middle; restart() is the only thing to do next.
struct CoordinatorDied {};

// The messages of one kind among all that a worker was sent, in order.
template <class Message>
std::vector<Message> only(const std::vector<fleet::ToWorker>& messages) {
  std::vector<Message> found;
  for (const fleet::ToWorker& message : messages) {
    if (const auto* m = std::get_if<Message>(&message)) found.push_back(*m);
  }
  return found;
}

class FakeCluster {
 public:
  explicit FakeCluster(ClusterOptions options = {});
  ~FakeCluster();
  FakeCluster(const FakeCluster&) = delete;
  FakeCluster& operator=(const FakeCluster&) = delete;

  // ---- time ----
  Now now() const { return now_; }
  // In steps with a Tick each; connected workers that are not silent send heartbeats.
  void advance(std::chrono::milliseconds span, std::chrono::milliseconds step = 500ms);
  void jump_wall_clock(std::chrono::microseconds by);
  void stall(std::chrono::milliseconds span);  // the coordinator itself was not running for that long

  // ---- people ----
  engine::SubmitReply submit(const config::Sweep& sweep, bool fresh = false, const std::string& key = {});
  bool continue_submission();   // its next slice; true while there is more
  void complete_submissions();  // those in progress, and those that a restart has cut short
  engine::ActReply act(SweepId sweep, engine::SweepAction action, const std::string& key = {});
  engine::ActReply retry(engine::RetryTrials what);
  engine::ActReply answer(engine::RequestId request) const { return act_replies_.at(request); }  // to apply()
  engine::ActReply drain(const std::string& worker, engine::Drain drain, const std::string& key = {});
  engine::SweepView sweep(SweepId id) const;
  engine::TrialView trial(const TrialId& id) const;
  TrialState state(const TrialId& id) const { return trial(id).state; }
  std::string reason(const TrialId& id) const { return trial(id).reason; }
  engine::WorkerView worker_view(const WorkerId& id) const;
  const engine::Engine& engine() const { return *engine_; }
  store::Store& store() { return *store_; }
  std::filesystem::path directory() const { return folder_.path(); }

  // ---- workers ----
  WorkerId add_worker(WorkerSpec spec = {});  // connected
  std::vector<WorkerId> add_workers(int count, WorkerSpec spec = {});
  const FakeWorker& worker(const WorkerId& id) const { return workers_.at(id); }
  const std::map<WorkerId, FakeWorker>& workers() const { return workers_; }
  // For what has no call of its own. `change` is kept for the replays: it captures by value.
  void change_worker(const WorkerId& id, std::function<void(FakeWorker&)> change);
  void silence(const WorkerId& id);         // stopped: connected, but says nothing more
  void forget(const WorkerId& id);          // its spool and its trainers are gone
  void connect(const WorkerId& id);         // Hello with all that it knows; then unacked events again
  void disconnect(const WorkerId& id);      // the connection breaks
  void restart_worker(const WorkerId& id);  // a new process on the same work-dir; its trainers are gone
  void say(const WorkerId& id, fleet::ToCoordinator message);
  // Messages but Acks since the last call.
  std::vector<fleet::ToWorker> take_messages(const WorkerId& id);

  // ---- attempts ----
  // The worker's newest Start of the trial; fails the test when there is none.
  fleet::AttemptKey key_at(const WorkerId& id, const TrialId& trial);
  WorkerId member(const TrialId& trial, int rank = 0) const;  // who trains it now
  void emit(const WorkerId& id, const TrialId& trial, fleet::EventBody body);
  void deliver(const WorkerId& id, const fleet::Event& event);  // as it is
  void join_all(const TrialId& trial);                  // listening, then every rank joins: assigned → running
  void checkpoint(const TrialId& trial, int64_t step);  // durable
  void store_artifact(const Sha256& hash);
  void finish(const TrialId& trial, double accuracy = 0.9);  // with a durable model; every slot is given back
  void fail(const WorkerId& id, const TrialId& trial, EndReason reason, const std::string& message = "it broke");
  void free_slot(const WorkerId& id, const TrialId& trial);
  void bury(const WorkerId& id);  // killed trainers are gone: SlotFree for each, with what they left
  void run_to_end(const TrialId& trial) { join_all(trial), finish(trial); }

  // ---- the coordinator ----
  void restart();  // as after kill -9: all connections are gone
  void reboot();   // of the coordinator's machine: its steady clock begins anew
  // At the next batch with changes: CoordinatorDied is thrown.
  void die_at_next_commit(Death death) { death_ = death; }
  void die_at(CrashPoint point) { crash_ = point; }
  int64_t events() const { return events_; }  // that had an effect: rows or messages
  void reconnect_all();
  // A restart may rightly change this story's end, `why` says how: its replays check everything else.
  void restarts_matter(const char* why) { options_.restarts_matter = why; }
  // What the leader of this attempt has sent as its results; absent when it has sent none.
  std::optional<std::map<std::string, double>> results_sent(const TrialId& trial, Attempt attempt) const;
  void apply(const engine::EngineEvent& event);
  void check_invariants();

 private:
  // While one is there, a step of the test is being carried out.
  class Noted {
   public:
    explicit Noted(int& nesting) : nesting_(nesting) { ++nesting_; }
    ~Noted() { --nesting_; }
    Noted(const Noted&) = delete;
    Noted& operator=(const Noted&) = delete;

   private:
    int& nesting_;
  };
  [[nodiscard]] Noted note(ReplayStep step);  // for the replays, unless it is part of another step
  void pass(std::chrono::milliseconds step);
  engine::EngineEvent filled_in(engine::EngineEvent event);
  void flush();
  std::optional<Death> death_of(const engine::Batch& batch);
  void route(const engine::Outgoing& message);
  void take(FakeWorker& worker, const fleet::ToWorker& message);
  void open_store();
  void start_engine();

  // Of a replay, in which the coordinator's death may have changed who trains what, and with which token.
  int rank_at(const WorkerId& id, const TrialId& trial) const;  // -1 = not a member of the current attempt
  std::optional<WorkerId> stand_in(const WorkerId& id, const TrialId& trial, int rank) const;
  std::set<TrialId> known_keys(const WorkerId& id, const fleet::ToCoordinator& message) const;
  fleet::ToCoordinator rekeyed(const WorkerId& id, fleet::ToCoordinator message, const std::set<TrialId>& known) const;
  engine::EngineEvent redirected(engine::EngineEvent event, const std::optional<WorkerId>& speaker) const;

  ClusterOptions options_;
  TemporaryFolder folder_{TemporaryFolder::Where::kMemory};
  Now now_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<WorkerId, FakeWorker> workers_;
  std::map<std::string, int> world_sizes_;
  int64_t next_session_ = 1, next_request_ = 1, starts_ = 0, events_ = 0;
  std::optional<Death> death_;
  std::optional<CrashPoint> crash_;
  std::map<int64_t, engine::SubmitReply> submit_replies_;
  std::map<int64_t, engine::ActReply> act_replies_;
  std::map<std::string, std::shared_ptr<const config::Sweep>> submitted_;  // by name
  std::map<std::pair<TrialId, Attempt>, std::map<std::string, double>> results_sent_;
  std::vector<ReplayStep> script_;
  ExplainRules explain_rules_;
  int64_t explained_ = -1;  // events_ when explanations were looked at last
  int nesting_ = 0;         // of noted steps: those within another one are not noted
};

}  // namespace autonorm::testing
