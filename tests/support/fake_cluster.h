// The engine with a clock that tests move, workers that tests speak for, and an outbox that is recorded. Rows go to a
// real store in a temporary folder (or nowhere), so that a restart is a restart. After every event the engine's
// invariants are checked.
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "coordinator/store/store.h"
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
  std::function<void()> before_open = {};  // between closing the database and opening it again
  std::function<void()> committed = {};    // after each commit, before anything is sent; may throw CoordinatorDied
};

// Thrown out of a call on the cluster when its coordinator dies in the middle; restart() is the only thing to do next.
struct CoordinatorDied {};
enum class Death { kBeforeCommit, kBeforeSending };

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

  // ---- time ----
  Now now() const { return now_; }
  // In steps of 500 ms with a Tick each; connected workers that are not silent send heartbeats.
  void advance(std::chrono::milliseconds span);
  void jump_wall_clock(std::chrono::microseconds by) { now_.wall += by; }

  // ---- people ----
  engine::SubmitReply submit(const config::Sweep& sweep, bool fresh = false, const std::string& key = {});
  engine::ActReply act(SweepId sweep, engine::SweepAction action, const std::string& key = {});
  engine::ActReply retry(engine::RetryTrials what);
  engine::ActReply drain(const std::string& worker, engine::Drain drain, const std::string& key = {});
  engine::SweepView sweep(SweepId id);
  engine::TrialView trial(const TrialId& id);
  TrialState state(const TrialId& id) { return trial(id).state; }
  std::string reason(const TrialId& id) { return trial(id).reason; }
  engine::WorkerView worker_view(const WorkerId& id);
  engine::Engine& engine() { return *engine_; }
  store::Store& store() { return *store_; }
  std::filesystem::path directory() const { return folder_.path(); }

  // ---- workers ----
  WorkerId add_worker(WorkerSpec spec = {});  // connected
  std::vector<WorkerId> add_workers(int count, WorkerSpec spec = {});
  FakeWorker& worker(const WorkerId& id) { return workers_.at(id); }
  void connect(const WorkerId& id);         // Hello with all that it knows; then unacked events again
  void disconnect(const WorkerId& id);      // the connection breaks
  void restart_worker(const WorkerId& id);  // a new process on the same work-dir; its trainers are gone
  void say(const WorkerId& id, fleet::ToCoordinator message);
  // Messages but Acks since the last call.
  std::vector<fleet::ToWorker> take_messages(const WorkerId& id);

  // ---- attempts ----
  // The worker's newest Start of the trial; fails the test when there is none.
  fleet::AttemptKey key_at(const WorkerId& id, const TrialId& trial);
  WorkerId member(const TrialId& trial, int rank = 0);  // who trains it now
  void emit(const WorkerId& id, const TrialId& trial, fleet::EventBody body);
  void deliver(const WorkerId& id, const fleet::Event& event);  // as it is
  void join_all(const TrialId& trial);                  // listening, then every rank joins: assigned → running
  void checkpoint(const TrialId& trial, int64_t step);  // durable
  void store_artifact(const Sha256& hash);
  void finish(const TrialId& trial, double accuracy = 0.9);  // with a durable model; every slot is given back
  void fail(const WorkerId& id, const TrialId& trial, EndReason reason, const std::string& message = "it broke");
  void free_slot(const WorkerId& id, const TrialId& trial);
  void bury(const WorkerId& id);  // killed trainers are gone: SlotFree for each
  void run_to_end(const TrialId& trial) { join_all(trial), finish(trial); }

  // ---- the coordinator ----
  void restart();  // as after kill -9: all connections are gone
  // The next batch with changes is its last: CoordinatorDied is thrown before its commit, or before its messages go
  // out.
  void die_at_next_commit(Death death) { death_ = death; }
  void reconnect_all();
  void apply(const engine::EngineEvent& event);
  void check_invariants();

 private:
  void flush();
  void route(const engine::Outgoing& message);
  void take(FakeWorker& worker, const fleet::ToWorker& message);
  void open_store();

  ClusterOptions options_;
  TemporaryFolder folder_;
  Now now_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<engine::Engine> engine_;
  std::map<WorkerId, FakeWorker> workers_;
  std::map<std::string, int> world_sizes_;
  int64_t next_session_ = 1, next_request_ = 1, starts_ = 0;
  std::optional<Death> death_;
  std::map<int64_t, engine::SubmitReply> submit_replies_;
  std::map<int64_t, engine::ActReply> act_replies_;
};

}  // namespace autonorm::testing
