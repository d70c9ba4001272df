// Which artifacts somebody still needs, and what happens when the others go.
#include "coordinator/engine/pinned_artifacts.h"

#include "coordinator/engine/trial_edges.h"

namespace autonorm::engine {
namespace {

void pin(const Sha256& manifest, std::vector<Sha256>& pinned) {
  if (!manifest.value().empty()) pinned.push_back(manifest);
}

void pin_attempt(const LiveAttempt& live, std::vector<Sha256>& pinned) {
  if (live.resume) pin(live.resume->manifest, pinned);
  for (const auto& [step, checkpoint] : live.undurable) pin(checkpoint.manifest, pinned);
}

// Stages whose students are still to be inserted.
void pin_submission(const Core& core, const Submission& job, std::vector<Sha256>& pinned) {
  for (const auto& [stage, children] : job.children) {
    if (const TrialKey key = find_trial(core, stage); key != 0) pin(core.at(key).model, pinned);
  }
}

}  // namespace

void on_artifacts_dropped(Core& core, const ArtifactsDropped& event) {
  for (const Sha256& hash : event.hashes) core.artifacts.erase(hash);
  if (!event.hashes.empty()) core.change(ArtifactsRemoved{event.hashes});
}

std::vector<Sha256> Engine::pinned_artifacts() const {
  std::vector<Sha256> pinned;
  for (size_t key = 1; key < core_->trials.size(); ++key) {
    const Trial& trial = core_->trials[key];
    if (!may_train_again(trial.state)) continue;
    if (trial.resume) pin(trial.resume->manifest, pinned);
    for (const StageInput& input : trial.inputs) pin(core_->at(input.trial).model, pinned);
    if (trial.live) pin_attempt(*trial.live, pinned);
  }
  for (const Submission& job : core_->submissions) pin_submission(*core_, job, pinned);
  return pinned;
}

}  // namespace autonorm::engine
