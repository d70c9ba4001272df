#include "core/norms/fold.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/mv.h>

namespace autonorm::norms {

using config::NormConfig;
using config::NormKind;

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
    case NormKind::kDtn:
    case NormKind::kSelector:
    case NormKind::kNone:
      return std::nullopt;
  }
  if (!norm.affine) return std::nullopt;
  rest.affine = false;
  return rest;
}

void fold_into_linear(const Fold& fold, const at::Tensor& weight, const at::Tensor& bias) {
  const at::NoGradGuard no_grad;
  if (fold.shift.defined()) bias.add_(at::mv(weight, fold.shift));  // of the unscaled weight
  weight.mul_(fold.scale);
}

}  // namespace autonorm::norms
