#include "core/train/start.h"

#include <algorithm>

#include "core/checkpoint/checkpoint.h"
#include "core/config/catalogue.h"
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

// A classifier that takes over the encoder of a masked autoencoder: the same tensors under the same names.
bool takes_encoder(const config::TrialConfig& before, const config::TrialConfig& now) {
  return before.model.family == config::ModelFamily::kMae && now.model.family == config::ModelFamily::kVit;
}

Status check_families(const config::TrialConfig& before, const config::TrialConfig& now) {
  if (before.model.family == now.model.family) return {};
  if (!takes_encoder(before, now)) {
    return invalid("the checkpoint's model is of another family, '", config::name(before.model.family), "', than '",
                   config::name(now.model.family),
                   "'; start from a stage with the same model, or a 'vit' from a 'mae', whose encoder it takes over");
  }
  const bool cls = now.model.pool == config::Pool::kCls;
  if (before.model.cls == cls) return {};
  return invalid("model.pool = '", config::name(now.model.pool), "' gives the 'vit' ", cls ? "a" : "no",
                 " cls token, and the encoder of the 'mae' has ", cls ? "none" : "one",
                 "; choose model.pool = ", cls ? "\"mean\"" : "\"cls\"", ", or model.cls = ", cls ? "true" : "false",
                 " for the stage");
}

}  // namespace

Status load_start(const std::filesystem::path& folder, const config::TrialConfig& config, models::Model& model) {
  const std::string context = "start from " + folder.string();
  const auto checkpoint = checkpoint::load(folder);
  if (!checkpoint.ok()) return checkpoint.status().with_context(context);
  const auto before = config::parse_trial(checkpoint->config);
  if (!before.ok()) return before.status().with_context(context);
  if (const Status fits = check_families(*before, config); !fits.ok()) return fits.with_context(context);
  std::vector<std::string> fresh = replaced_places(*before, config, model);
  if (takes_encoder(*before, config)) fresh.emplace_back("head.");
  const auto wanted = [&](const std::string& name) {
    return std::ranges::none_of(fresh, [&](const std::string& place) { return name.starts_with(place); });
  };
  return load_parameters(checkpoint->tensors, model.table(), wanted).with_context(context);
}

}  // namespace autonorm::train
