#include "coordinator/engine/engine.h"

#include <algorithm>
#include <utility>

#include "coordinator/engine/attempt_events.h"
#include "coordinator/engine/attempts.h"
#include "coordinator/engine/claims.h"
#include "coordinator/engine/core_state.h"
#include "coordinator/engine/draining.h"
#include "coordinator/engine/fleet_sessions.h"
#include "coordinator/engine/idempotency.h"
#include "coordinator/engine/liveness.h"
#include "coordinator/engine/pinned_artifacts.h"
#include "coordinator/engine/placement.h"
#include "coordinator/engine/retry.h"
#include "coordinator/engine/submission.h"

namespace autonorm::engine {
namespace {

void on_message(Core& core, Worker& worker, const WorkerMessage& event, Now now) {
  if (std::holds_alternative<fleet::Event>(event.message)) {
    on_attempt_event(core, worker, event, now);
  } else if (const auto* heartbeat = std::get_if<fleet::Heartbeat>(&event.message)) {
    on_heartbeat(core, worker, *heartbeat, now);
  } else if (const auto* free = std::get_if<fleet::SlotFree>(&event.message)) {
    on_slot_free(core, worker, *free, now);
  } else if (const auto* goodbye = std::get_if<fleet::Goodbye>(&event.message)) {
    on_goodbye(core, worker, *goodbye, now);
  }
}

// Messages of a session that is not the worker's current one come from the past; they change nothing.
void dispatch(Core& core, const WorkerMessage& event, Now now) {
  const auto it = core.sessions.find(event.session);
  if (it == core.sessions.end()) return;
  Worker& worker = core.workers.at(it->second);
  worker.lease_until = std::max(worker.lease_until, now.steady + core.options.limits.lease);
  on_message(core, worker, event, now);
}
void dispatch(Core& core, const SubmitSweep& event, Now now) { on_submit(core, event, now); }
void dispatch(Core& core, const ActOnSweep& event, Now now) { on_act(core, event, now); }
void dispatch(Core& core, const RetryTrials& event, Now now) { on_retry(core, event, now); }
void dispatch(Core& core, const DrainWorkers& event, Now now) { on_drain(core, event, now); }
void dispatch(Core& core, const KeepAnswer& event, Now) { on_keep_answer(core, event); }
void dispatch(Core& core, const WorkerHello& event, Now now) { on_hello(core, event, now); }
void dispatch(Core& core, const SessionClosed& event, Now) { on_session_closed(core, event.session); }
void dispatch(Core& core, const Tick&, Now now) { on_tick(core, now); }
void dispatch(Core& core, const ArtifactStored& event, Now now) { on_artifact_stored(core, event, now); }
void dispatch(Core& core, const ArtifactsDropped& event, Now) { on_artifacts_dropped(core, event); }
void dispatch(Core& core, const Stopping&, Now) { on_stopping(core); }

}  // namespace

Engine::Engine(EngineOptions options) : core_(std::make_unique<Core>(std::move(options))) {}
Engine::~Engine() = default;

void Engine::apply(const EngineEvent& event, Now now) {
  std::visit([&](const auto& e) { dispatch(*core_, e, now); }, event);
}

bool Engine::continue_slices(Now now) {
  const bool cancelling = continue_cancellation(*core_, now);
  const bool retrying = continue_retries(*core_, now);
  return continue_submission(*core_, now) || cancelling || retrying;
}

void Engine::schedule(Now now) {
  do {
    place_trials(*core_, now);
  } while (core_->schedule_due);
}

void Engine::extend_leases(std::chrono::milliseconds stall) {
  for (auto& [id, worker] : core_->workers) {
    if (!worker.lost) worker.lease_until += stall;
  }
}

Batch Engine::take() {
  std::vector<TrialKey> advanced = std::exchange(core_->advanced, {});
  std::ranges::sort(advanced);
  for (const TrialKey key : advanced) {
    if (core_->at(key).live) flush_members(*core_, key);
  }
  flush_acks(*core_);
  return std::exchange(core_->batch, {});
}

}  // namespace autonorm::engine
