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

ModelConfig default_model(ModelFamily family) {
  ModelConfig model;
  model.family = family;
  switch (family) {
    case ModelFamily::kVit:
    case ModelFamily::kMlp:
      return model;
    case ModelFamily::kAutonorm:
    case ModelFamily::kAutonormCorrected:
      model.patch = 4;
      model.dim = 128;
      model.depth = 12;
      model.mlp_ratio = 4.0;
      model.drop_path = 0.1;
      return model;
    case ModelFamily::kAutonormV0:
      model.dim = 192;
      model.dropout = 0.1;
      return model;
    case ModelFamily::kMae:
      model.patch = 16;
      model.dim = 768;
      model.depth = 12;
      model.heads = 12;
      model.mlp_ratio = 4.0;
      return model;
    case ModelFamily::kT2tVit:
      model.dim = 384;
      model.depth = 14;
      model.heads = 6;
      model.mlp_ratio = 3.0;
      model.qkv_bias = false;
      return model;
    case ModelFamily::kFtTransformer:
      model.dim = 192;
      model.depth = 3;
      model.heads = 8;
      model.mlp_ratio = 1.333333333333333;
      return model;
    case ModelFamily::kResnet:
      model.depth = 20;
      return model;
  }
  return model;
}

NormConfig TrialConfig::norm_at(const std::string& site) const {
  if (const auto found = norm_sites.find(site); found != norm_sites.end()) return found->second;
  const auto has = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), site) != names.end();
  };
  const Sites& known = sites(model.family);
  if (has(known.standard)) return norm;
  return default_norm(has(known.layered) ? NormKind::kLayer : NormKind::kNone);
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

const std::string* stage_of(const TrainConfig& config) {
  if (config.distill) return &config.distill->from;
  return config.start ? &config.start->from : nullptr;
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
