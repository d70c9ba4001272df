#include "coordinator/server/cut_submissions.h"

#include <utility>

#include "coordinator/server/config_freezer.h"
#include "coordinator/store/store.h"
#include "core/base/log.h"

namespace autonorm::server {
namespace {

engine::EngineEvent completion(const engine::Interrupted& interrupted, config::SweepSource source,
                               config::Sweep sweep) {
  engine::SubmitSweep event;
  event.sweep = std::make_shared<const config::Sweep>(std::move(sweep));
  event.source = std::move(source);
  event.freeze = config_freezer(event.sweep);
  event.fresh = interrupted.fresh;
  event.resumes = true;
  return event;
}

engine::EngineEvent cancellation(SweepId sweep) {
  return engine::ActOnSweep{
      .request = 0, .sweep = sweep, .action = engine::SweepAction::kCancel, .idempotency_key = {}};
}

}  // namespace

std::vector<engine::EngineEvent> cut_submissions(const engine::Engine& engine, store::Store& store) {
  std::vector<engine::EngineEvent> events;
  for (const engine::Interrupted& interrupted : engine.interrupted()) {
    auto source = store.sweep_source(interrupted.sweep);
    auto sweep = source.ok() ? config::expand_sweep(*source) : Result<config::Sweep>(source.status());
    if (sweep.ok()) {
      events.push_back(completion(interrupted, std::move(source).value(), std::move(sweep).value()));
      continue;
    }
    log_error("sweep ", interrupted.sweep,
              " was being submitted when the coordinator stopped and cannot be completed: ", sweep.status().message(),
              "; it is cancelled, submit its file again");
    events.push_back(cancellation(interrupted.sweep));
  }
  return events;
}

}  // namespace autonorm::server
