#include "core/config/start_misfit.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/trial_writer.h"

namespace autonorm::config {
namespace {

// Keys that shape no tensor of a model.
constexpr auto kFree = std::to_array<std::string_view>(
    {"family", "pool", "heads", "decoder_heads", "drop_path", "dropout", "attention_dropout", "ffn_dropout",
     "residual_dropout", "mask_ratio", "norm_pix", "init", "positions", "layer_scale"});

bool shapes(std::string_view key) { return std::ranges::find(kFree, key) == kFree.end(); }

std::optional<Misfit> families(const TrialConfig& stage, const TrialConfig& trial) {
  if (stage.model.family == trial.model.family || takes_encoder(stage, trial)) return std::nullopt;
  return Misfit{"model.family", cat("the stage's model is of another family, '", name(stage.model.family), "', than '",
                                    name(trial.model.family),
                                    "'; start from a stage with the same model, or a 'vit' from a 'mae', whose encoder "
                                    "it takes over")};
}

std::optional<Misfit> cls_tokens(const TrialConfig& stage, const TrialConfig& trial) {
  if (trial.model.family != ModelFamily::kVit) return std::nullopt;
  const bool mae = takes_encoder(stage, trial), cls = has_cls(trial.model.pool);
  const bool had = mae ? stage.model.cls : has_cls(stage.model.pool);
  if (had == cls) return std::nullopt;
  return Misfit{"model.pool",
                cat("model.pool = '", name(trial.model.pool), "' gives the 'vit' ", cls ? "a" : "no",
                    " cls token, and the ", mae ? "encoder of the 'mae'" : "stage's", " has ", had ? "one" : "none",
                    "; choose model.pool = ", cls ? "\"mean\"" : "\"cls\" or \"patches\"", ", or ",
                    mae ? cat("model.cls = ", cls ? "true" : "false") : cat("pool = \"", cls ? "cls" : "mean", "\""),
                    " for the stage")};
}

}  // namespace

bool takes_encoder(const TrialConfig& stage, const TrialConfig& trial) {
  return stage.model.family == ModelFamily::kMae && trial.model.family == ModelFamily::kVit;
}

std::optional<Misfit> start_misfit(const TrialConfig& stage, const TrialConfig& trial) {
  if (auto misfit = families(stage, trial)) return misfit;
  if (auto misfit = cls_tokens(stage, trial)) return misfit;
  if (takes_encoder(stage, trial) && !trial.model.qkv_bias) {
    return Misfit{"model.qkv_bias",
                  "model.qkv_bias = false, and the encoder of the 'mae' has these biases; choose true"};
  }
  const nlohmann::json before = write_model(stage.model), now = write_model(trial.model);
  for (const auto& [key, value] : now.items()) {
    if (!shapes(key) || !before.contains(key) || before[key] == value) continue;
    return Misfit{cat("model.", key),
                  cat("model.", key, " = ", value.dump(), ", and the stage that the trial starts from has ",
                      before[key].dump(), "; choose one value for both")};
  }
  return std::nullopt;
}

}  // namespace autonorm::config
