#include "coordinator/engine/replaced_origin.h"

#include <algorithm>

#include "core/base/log.h"

namespace autonorm::engine {
namespace {

void drop_artifact(Core& core, const Sha256& manifest) {
  core.artifacts.erase(manifest);
  core.change(ArtifactsRemoved{{manifest}});
}

std::optional<fleet::ResumePoint> next_best(const Core& core, const Ending& ending) {
  const auto it = std::ranges::find_if(ending.older, [&](const fleet::ResumePoint& point) {
    return point.manifest != ending.unusable && core.artifacts.contains(point.manifest);
  });
  return it == ending.older.end() ? std::nullopt : std::optional(*it);
}

void pass_over_checkpoint(Core& core, TrialKey key, Ending& ending) {
  Trial& trial = core.at(key);
  const int64_t lost = trial.live->resume->step;
  const std::chrono::milliseconds trained = trial.trained;
  trial.resume = next_best(core, ending);
  // Nobody wrote down how long it took to the older one: its share of the steps.
  trial.trained = trial.resume && lost > 0 ? trained * trial.resume->step / lost : std::chrono::milliseconds(0);
  ending.message += cat("; the checkpoint of step ", lost, " is passed over, the next attempt begins ",
                        trial.resume ? cat("from step ", trial.resume->step) : "anew");
  core.change(CheckpointDropped{key, trial.token, ending.unusable, trial.resume, trial.trained});
}

}  // namespace

ReplacedOrigin replace_origin(Core& core, TrialKey key, Ending& ending) {
  const Trial& trial = core.at(key);
  if (ending.unusable.value().empty()) return {};
  ReplacedOrigin replaced;
  if (trial.live->resume && trial.live->resume->manifest == ending.unusable) {
    replaced.checkpoint = true;
    pass_over_checkpoint(core, key, ending);
  }
  for (const StageInput& input : trial.inputs) {
    const Trial& stage = core.at(input.trial);
    if (stage.state != TrialState::kSucceeded || stage.model.value() != ending.unusable.value()) continue;
    replaced.stage = input.trial;
    ending.message += cat("; stage ", input.stage, " trains again");
  }
  if (!replaced) return {};
  drop_artifact(core, ending.unusable);
  log_warning("trial ", short_form(trial.id), ": ", ending.message);
  return replaced;
}

}  // namespace autonorm::engine
