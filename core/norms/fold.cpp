#include "core/norms/fold.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mv.h>

#include <algorithm>
#include <vector>

#include "core/base/text.h"
#include "core/config/catalogue.h"

namespace autonorm::norms {

using config::Gate;
using config::NormConfig;
using config::NormKind;

namespace {

// Places of the branches that a selector's constant weights let count; none for weights that are no constants.
std::vector<size_t> counting_branches(const NormConfig& selector) {
  std::vector<size_t> places;
  if (selector.gate != Gate::kFixed && selector.gate != Gate::kStatic) return places;
  for (size_t k = 0; k < selector.branches.size(); ++k) {
    if (selector.gate == Gate::kStatic || selector.weights.at(k) != 0.0) places.push_back(k);
  }
  return places;
}

bool vanishes(const NormConfig& branch) {
  if (branch.kind == NormKind::kNone) return true;
  const auto rest = folded_config(branch);
  return rest && rest->kind == NormKind::kNone;
}

std::optional<NormConfig> folded_selector(const NormConfig& selector) {
  const std::vector<size_t> counting = counting_branches(selector);
  if (counting.empty()) return std::nullopt;
  if (std::ranges::all_of(counting, [&](size_t k) { return vanishes(selector.branches[k]); })) {
    return config::default_norm(NormKind::kNone);
  }
  if (selector.gate != Gate::kFixed || counting.size() > 1) return std::nullopt;
  const auto branch = folded_config(selector.branches[counting[0]]);
  if (!branch) return std::nullopt;
  NormConfig rest = selector;
  rest.branches[counting[0]] = *branch;
  return rest;
}

}  // namespace

std::optional<NormConfig> folded_config(const NormConfig& norm) {
  NormConfig rest = norm;
  switch (norm.kind) {
    case NormKind::kBatch:
    case NormKind::kUnified:
    case NormKind::kPrepbn:
    case NormKind::kScale:
    case NormKind::kLearnableScaler:
      return config::default_norm(NormKind::kNone);
    case NormKind::kPowerNorm:
      if (norm.scale_groups > 0) return std::nullopt;
      return config::default_norm(NormKind::kNone);
    case NormKind::kMinmax:
    case NormKind::kZscore:
    case NormKind::kFeatureMix:
      if (norm.axis == config::FeatureAxis::kBatch) return config::default_norm(NormKind::kNone);
      break;
    case NormKind::kLayer:
    case NormKind::kRms:
    case NormKind::kDyt:
    case NormKind::kDerf:
    case NormKind::kIsru:
    case NormKind::kGroup:
    case NormKind::kInstance:
    case NormKind::kScaleNorm:
    case NormKind::kBhyt:
    case NormKind::kAdyt:
    case NormKind::kSwitchable:
      break;
    case NormKind::kSelector:
      return folded_selector(norm);
    case NormKind::kDtn:
    case NormKind::kNone:
      return std::nullopt;
  }
  if (!norm.affine) return std::nullopt;
  rest.affine = false;
  return rest;
}

std::string fold_obstacle(const NormConfig& norm) {
  const std::string kind(config::name(norm.kind));
  switch (norm.kind) {
    case NormKind::kDtn:
      return "'dtn' weighs each token's neighbours, and does so with its scale and shift or not at all";
    case NormKind::kPowerNorm:
      return "'power_norm' scales groups of channels anew for each token (scale_groups > 0)";
    case NormKind::kSelector:
      if (norm.gate != Gate::kFixed && norm.gate != Gate::kStatic) {
        return cat("gate '", config::name(norm.gate), "' of the selector weighs its branches anew for each input");
      }
      return "the selector's branches do not all become a scale and a shift, or have none";
    default:
      return cat("'", kind, "' has no scale and shift (any more) to fold");
  }
}

void fold_into_linear(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias) {
  const at::NoGradGuard no_grad;
  if (fold.shift.defined()) bias.add_(at::mv(weight, fold.shift));  // of the unscaled weight
  weight.mul_(fold.scale);
}

void fold_into_linear_before(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias) {
  const at::NoGradGuard no_grad;
  std::vector<int64_t> rows(static_cast<size_t>(weight.dim()), 1);
  rows[0] = weight.size(0);
  weight.mul_(fold.scale.view(rows));
  bias.mul_(fold.scale);
  if (fold.shift.defined()) bias.add_(fold.shift);
}

}  // namespace autonorm::norms
