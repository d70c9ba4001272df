// One row for each norm of the registry, and for each variant that keeps another promise: what it claims about ranks,
// accumulation, masks and vmap. Sizes fit 6 channels and 4 tokens.
#pragma once
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/trial_config.h"

namespace autonorm::conformance {

// kOwn: each token by itself. kLeftOut: padded tokens stay out of the statistics. kRefused: no mask is taken.
enum class MaskClaim { kOwn, kLeftOut, kRefused };
// What moves the state: nothing, each micro-batch, or each optimizer step.
enum class StateClaim { kNone, kMicroBatch, kStep };

struct NormClaims {
  std::string name;
  config::NormConfig config;
  MaskClaim mask = MaskClaim::kOwn;
  StateClaim state = StateClaim::kNone;
  bool mixes_samples = false;  // in training
  bool per_rank = false;       // and then only those of a rank
  bool vmap = true;            // in training; all do at evaluation
};
inline void PrintTo(const NormClaims& claims, std::ostream* out) { *out << claims.name; }

inline config::NormConfig claimed(config::NormKind kind, const std::function<void(config::NormConfig&)>& change = {}) {
  config::NormConfig norm = config::default_norm(kind);
  norm.groups = 3;
  norm.heads = 2;
  norm.scale_groups = kind == config::NormKind::kPowerNorm ? 2 : 1;
  norm.window = norm.window_backward = 2;
  if (kind == config::NormKind::kUnified || kind == config::NormKind::kPowerNorm) norm.warmup_iters = 1;
  norm.decay_iters = 8;
  norm.lambda_start = 0.75;  // both parts of prepbn from the first step on
  if (change) change(norm);
  return norm;
}

inline std::vector<NormClaims> norm_claims() {
  using enum config::NormKind;
  using config::Gate, config::Granularity, config::NormConfig;
  using enum MaskClaim;
  std::vector<NormClaims> all;
  for (const auto& [name, kind] :
       std::initializer_list<std::pair<const char*, config::NormKind>>{{"layer", kLayer},
                                                                       {"rms", kRms},
                                                                       {"scale", kScale},
                                                                       {"dyt", kDyt},
                                                                       {"derf", kDerf},
                                                                       {"isru", kIsru},
                                                                       {"scale_norm", kScaleNorm},
                                                                       {"learnable_scaler", kLearnableScaler},
                                                                       {"bhyt", kBhyt},
                                                                       {"minmax", kMinmax},
                                                                       {"zscore", kZscore},
                                                                       {"feature_mix", kFeatureMix},
                                                                       {"none", config::NormKind::kNone}}) {
    all.push_back({.name = name, .config = claimed(kind)});
  }
  const auto functions = config::words<config::Squash>();
  for (size_t i = 1; i < functions.size(); ++i) {  // the first is the default, derf itself
    const auto function = static_cast<config::Squash>(i);
    all.push_back({.name = cat("derf_", functions[i]),
                   .config = claimed(kDerf, [&](NormConfig& norm) { norm.function = function; })});
  }
  all.push_back({.name = "group", .config = claimed(kGroup), .mask = kRefused});
  all.push_back({.name = "instance", .config = claimed(kInstance), .mask = kRefused});
  all.push_back({.name = "dtn", .config = claimed(kDtn), .mask = kRefused});
  all.push_back({.name = "scale_scalar", .config = claimed(kScale, [](NormConfig& norm) { norm.scalar = true; })});
  all.push_back({.name = "dyt_without_bias", .config = claimed(kDyt, [](NormConfig& norm) { norm.bias = false; })});
  all.push_back({.name = "instance_unbiased",
                 .config = claimed(kInstance, [](NormConfig& norm) { norm.unbiased = true; }),
                 .mask = kRefused});
  all.push_back({.name = "dtn_variance",
                 .config = claimed(kDtn, [](NormConfig& norm) { norm.only_var = true; }),
                 .mask = kRefused});
  all.push_back(
      {.name = "dtn_pooled", .config = claimed(kDtn, [](NormConfig& norm) { norm.grid = 1; }), .mask = kRefused});
  all.push_back({.name = "adyt", .config = claimed(kAdyt), .state = StateClaim::kStep});
  const auto over_the_batch = [&](const std::string& name, config::NormKind kind, MaskClaim mask, bool vmap,
                                  const std::function<void(NormConfig&)>& change = {}) {
    const NormConfig norm = claimed(kind, change);
    NormConfig apart = norm;
    apart.statistics = config::Statistics::kPerRank;
    NormClaims claims{.name = name,
                      .config = norm,
                      .mask = mask,
                      .state = StateClaim::kMicroBatch,
                      .mixes_samples = true,
                      .vmap = vmap};
    all.push_back(claims);
    claims.name += "_per_rank";
    claims.config = apart;
    claims.per_rank = true;
    all.push_back(claims);
    claims.name = name + "_of_rank_0";
    claims.config.statistics = config::Statistics::kRankZero;
    all.push_back(claims);
  };
  over_the_batch("batch", kBatch, kLeftOut, true);
  over_the_batch("prepbn", kPrepbn, kLeftOut, true);
  over_the_batch("prepbn_language", kPrepbn, kLeftOut, true, [](NormConfig& norm) {
    norm.first = config::PrepbnFirst::kRms;
    norm.count_every = 2;
  });
  over_the_batch("unified", kUnified, kLeftOut, false);
  over_the_batch("unified_without_window", kUnified, kLeftOut, false,
                 [](NormConfig& norm) { norm.window = norm.window_backward = 1; });
  over_the_batch("power_norm", kPowerNorm, kLeftOut, false);
  over_the_batch("power_norm_without_groups", kPowerNorm, kLeftOut, false,
                 [](NormConfig& norm) { norm.scale_groups = 0; });
  over_the_batch("switchable", kSwitchable, kRefused, true);
  over_the_batch("switchable_by_token", kSwitchable, kRefused, true,
                 [](NormConfig& norm) { norm.form = config::SwitchForm::kToken; });
  for (const auto& [name, kind] : {std::pair{"minmax", kMinmax}, {"zscore", kZscore}, {"feature_mix", kFeatureMix}}) {
    over_the_batch(cat(name, "_of_a_batch"), kind, kRefused, true,
                   [](NormConfig& norm) { norm.axis = config::FeatureAxis::kBatch; });
    all.push_back({.name = cat(name, "_of_tokens"),
                   .config = claimed(kind, [](NormConfig& norm) { norm.axis = config::FeatureAxis::kToken; }),
                   .mask = kRefused});
  }
  const auto selector = [&](const std::string& name, Gate gate, const std::function<void(NormConfig&)>& change = {}) {
    const auto build = [&](NormConfig& norm) {
      norm.branches = {config::default_norm(kDyt), config::default_norm(kLayer)};
      norm.gate = gate;
      norm.hard = false;
      if (gate == Gate::kFixed) norm.weights = {0.3, 0.7};
      if (change) change(norm);
    };
    all.push_back({.name = name, .config = claimed(kSelector, build), .mask = kRefused});
  };
  selector("selector", Gate::kSoftmax);
  selector("selector_of_cls", Gate::kSoftmax, [](NormConfig& norm) { norm.gate_input = config::GateInput::kCls; });
  selector("selector_of_tokens", Gate::kSoftmax, [](NormConfig& norm) { norm.granularity = Granularity::kToken; });
  selector("selector_of_channels", Gate::kSoftmax, [](NormConfig& norm) { norm.granularity = Granularity::kChannel; });
  selector("selector_gumbel", Gate::kGumbel);
  selector("selector_gumbel_hard", Gate::kGumbel, [](NormConfig& norm) { norm.hard = true; });
  selector("selector_annealed", Gate::kGumbel, [](NormConfig& norm) {
    norm.anneal = config::Anneal::kExponential;
    norm.granularity = Granularity::kToken;
  });
  selector("selector_sigmoid", Gate::kSigmoid);
  selector("selector_sigmoid_of_channels", Gate::kSigmoid,
           [](NormConfig& norm) { norm.granularity = Granularity::kChannel; });
  selector("selector_static", Gate::kStatic);
  selector("selector_static_of_channels", Gate::kStatic,
           [](NormConfig& norm) { norm.granularity = Granularity::kChannel; });
  selector("selector_random", Gate::kRandom);
  selector("selector_random_layer", Gate::kRandom, [](NormConfig& norm) { norm.granularity = Granularity::kLayer; });
  selector("selector_fixed", Gate::kFixed);
  selector("selector_frozen_from_epoch", Gate::kSoftmax, [](NormConfig& norm) { norm.freeze_epoch = 1; });
  all.back().state = StateClaim::kStep;
  selector("selector_frozen_by_entropy", Gate::kStatic, [](NormConfig& norm) { norm.freeze_entropy = 0.9; });
  all.back().state = StateClaim::kStep;
  all.back().vmap = false;
  return all;
}

}  // namespace autonorm::conformance
