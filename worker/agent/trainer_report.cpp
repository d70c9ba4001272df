#include "worker/agent/trainer_report.h"

#include "worker/agent/delivery/checkpoint_folder.h"

namespace autonorm::agent {
namespace {

Result<Manifest> keep_for_delivery(const std::filesystem::path& folder, const std::filesystem::path& kept) {
  auto manifest = read_manifest(folder);
  if (!manifest.ok()) return manifest.status();
  AUTONORM_RETURN_IF_ERROR(link_checkpoint(folder, kept));
  return manifest;
}

}  // namespace

Result<TrainerReport> report_checkpoint(const worker::CheckpointEvent& event, const std::filesystem::path& attempt) {
  const std::string name = cat("outbox/step-", event.step);
  const auto manifest = keep_for_delivery(event.directory, attempt / name);
  if (!manifest.ok()) return manifest.status();
  return TrainerReport{
      .body = fleet::CheckpointSaved{.step = event.step, .manifest = manifest->hash, .bytes = manifest->bytes()},
      .needs = {name}};
}

TrainerReport report_result(const worker::FinishedEvent& event, const std::filesystem::path& attempt) {
  fleet::Finished finished{.reason = event.diverged ? EndReason::kDiverged : EndReason::kCompleted,
                           .results = event.results,
                           .facts = event.facts,
                           .initial = event.initial,
                           .artifacts = {}};
  std::vector<std::string> needs;
  for (const auto& [role, folder] : event.artifacts) {
    const std::string name = "outbox/" + role;
    const auto manifest = keep_for_delivery(folder, attempt / name);
    if (!manifest.ok()) {
      fleet::Failed failed;
      failed.message = cat("the trainer's result cannot be read: ", manifest.status().message());
      return {.body = failed};
    }
    finished.artifacts[role] = manifest->hash;
    needs.push_back(name);
  }
  return {.body = std::move(finished), .needs = std::move(needs)};
}

}  // namespace autonorm::agent
