#include "core/train/start.h"

#include <algorithm>

#include "core/checkpoint/checkpoint.h"
#include "core/train/teacher.h"

namespace autonorm::train {
namespace {

// The places whose norms are of other kinds in the two configurations.
std::vector<std::string> replaced_places(const config::TrialConfig& before, const config::TrialConfig& now,
                                         const models::Model& model) {
  std::vector<std::string> places;
  for (const auto& [place, site] : model.norm_places()) {
    if (before.norm_at(site).kind != now.norm_at(site).kind) places.push_back(place + ".");
  }
  return places;
}

}  // namespace

Status load_start(const std::filesystem::path& folder, const config::TrialConfig& config, models::Model& model) {
  const std::string context = "start from " + folder.string();
  const auto checkpoint = checkpoint::load(folder);
  if (!checkpoint.ok()) return checkpoint.status().with_context(context);
  const auto before = config::parse_trial(checkpoint->config);
  if (!before.ok()) return before.status().with_context(context);
  if (before->model.family != config.model.family) {
    return invalid("the checkpoint's model is of another family; start from a stage with the same model")
        .with_context(context);
  }
  const std::vector<std::string> fresh = replaced_places(*before, config, model);
  const auto wanted = [&](const std::string& name) {
    return std::ranges::none_of(fresh, [&](const std::string& place) { return name.starts_with(place); });
  };
  return load_parameters(checkpoint->tensors, model.table(), wanted).with_context(context);
}

}  // namespace autonorm::train
