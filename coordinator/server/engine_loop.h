// One thread that owns the engine: queue → apply → commit → send → reply. Everybody else posts events or asks for
// views.
#pragma once
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "coordinator/engine/engine.h"
#include "core/base/clock.h"
#include "core/base/status.h"

namespace autonorm::store {
class Store;
}

namespace autonorm::server {

// Where committed messages go. Called on the loop's thread only, after the commit; must not block.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void send(SessionId session, const fleet::ToWorker& message) = 0;
  virtual void close(SessionId session) = 0;
};

// Thread-safe but for the constructor and destructor. Every answer arrives after its changes are durable.
class EngineLoop {
 public:
  virtual ~EngineLoop() = default;  // stops the thread; pending callers get kUnavailable

  virtual void post(
      engine::EngineEvent event) = 0;  // WorkerHello, WorkerMessage, SessionClosed, ArtifactStored, Stopping
  // Blocking calls; their `request` field is filled in here.
  virtual engine::SubmitReply submit(engine::SubmitSweep event) = 0;
  virtual engine::ActReply act(engine::ActOnSweep event) = 0;
  virtual engine::ActReply retry(engine::RetryTrials event) = 0;
  virtual engine::ActReply drain(engine::DrainWorkers event) = 0;
  // Answers to calls that the engine does not carry out itself, under their idempotency keys (engine/idempotency.h).
  virtual Status keep_answer(engine::ReplyRecord reply) = 0;
  virtual Result<std::optional<std::string>> kept_answer(const std::string& key, const std::string& call) = 0;

  // Views, taken on the engine's thread between two batches.
  virtual std::vector<engine::SweepView> sweeps() = 0;
  virtual std::vector<engine::TrialView> trials(
      std::optional<SweepId> sweep) = 0;  // one per claim label; newest sweep when absent
  virtual engine::TrialPage trial_page(SweepId sweep, engine::TrialFilter filter) = 0;
  virtual std::vector<engine::TrialView> active_trials(SweepId sweep) = 0;  // assigned or running
  virtual std::vector<engine::WorkerView> workers() = 0;
  // Why a trial is where it is, with numbers, and what would move it. `prefix`: of the trial id; or a variant label.
  virtual Result<engine::Explanation> explain(const std::string& prefix) = 0;
  virtual std::optional<std::string>
  trouble() = 0;  // e.g. "database: disk full; free space on /data, work goes on by itself"
  // Those of `among` that plan and submit would not train again.
  virtual std::set<TrialId> finished_trials(std::vector<TrialId> among) = 0;
  virtual bool has_artifact(const Sha256& hash) = 0;
  // Manifests that must stay (Engine::pinned_artifacts).
  virtual std::vector<Sha256> pinned_artifacts() = 0;
  // Removes those candidates that were not used since `unused_since`, between two batches, so that nothing can come to
  // need one meanwhile. `spared`: what the candidates were chosen against; when something else has become pinned since,
  // nothing is removed and `outdated` is set: choose again.
  struct Removal {
    bool outdated = false;
    int64_t files = 0, bytes = 0;
  };
  virtual Removal remove_artifacts(const std::vector<Sha256>& candidates, const std::unordered_set<Sha256>& spared,
                                   WallTime unused_since) = 0;
  virtual int64_t epoch() const = 0;
};

struct EngineLoopOptions {
  std::string build = {};   // version of the coordinator, as workers are told
  std::string secret = {};  // random bytes of this start; empty = hash(directory, epoch, time), unique but guessable
  int64_t clock_era = 0;    // of the clock's steady times (EngineOptions)
  std::string worker_command =
      "worker";  // how explain tells people to start one, e.g. "worker --coordinator host:50551"
  engine::Limits limits = {};
  // An error that trying again cannot mend. Must not return to business as usual; empty = logs it and ends the process
  // with status 1.
  std::function<void(const Status&)> on_fatal = {};
};

// Restores the engine from the store and starts the thread. `store`, `transport` and `clock` must outlive the loop.
std::unique_ptr<EngineLoop> start_engine_loop(store::Store& store, Transport& transport, const Clock& clock,
                                              EngineLoopOptions options = {});

}  // namespace autonorm::server
