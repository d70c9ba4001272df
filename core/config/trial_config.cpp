#include "core/config/trial_config.h"

#include <algorithm>

#include "core/config/catalogue.h"
#include "core/config/trial_fields.h"
#include "core/config/trial_reader.h"
#include "core/config/trial_writer.h"

namespace autonorm::config {

NormConfig default_norm(NormKind kind) {
  NormConfig norm;
  norm.kind = kind;
  norm.eps = default_eps(kind);
  if (kind == NormKind::kBhyt) norm.lambda = 2.0;
  if (kind == NormKind::kPowerNorm) norm.warmup_iters = 10000;
  if (kind == NormKind::kPrepbn) norm.warmup_iters = 0;
  if (kind == NormKind::kSelector) norm.branches = default_branches();
  return norm;
}

NormConfig TrialConfig::norm_at(const std::string& site) const {
  if (const auto found = norm_sites.find(site); found != norm_sites.end()) return found->second;
  const auto& standard = sites(model.family).standard;
  if (std::find(standard.begin(), standard.end(), site) != standard.end()) return norm;
  return default_norm(NormKind::kNone);
}

Result<TrialConfig> parse_trial(const nlohmann::json& json) {
  Diagnostics diagnostics;
  const Value root = from_json(json);
  TrialConfig config = read_trial(root, diagnostics);
  // Checks across keys would repeat what single keys already said.
  if (diagnostics.ok()) check_trial(config, root, diagnostics);
  if (!diagnostics.ok()) return invalid(diagnostics.error_text());
  return config;
}

nlohmann::json resolved(const TrialConfig& config) {
  nlohmann::json out = {{"seed", config.seed},
                        {"ranks", config.ranks},
                        {"device", config.device},
                        {"data", write_data(config.data)},
                        {"model", write_model(config.model)},
                        {"norm", write_norm(config.norm)},
                        {"train", write_train(config.train)},
                        {"run", write_run(config.run)}};
  out["norm_sites"] = nlohmann::json::object();
  for (const auto& [site, norm] : config.norm_sites) out["norm_sites"][site] = write_norm(norm);
  out["inputs"] = nlohmann::json::object();
  for (const auto& [stage, trial] : config.inputs) out["inputs"][stage] = trial.value();
  return out;
}

}  // namespace autonorm::config
