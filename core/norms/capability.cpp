#include "core/norms/capability.h"

namespace autonorm::norms {

using config::NormConfig;
using config::NormKind;

bool takes_mask(const NormConfig& norm) {
  switch (norm.kind) {
    case NormKind::kSelector:
    case NormKind::kGroup:
    case NormKind::kInstance:
    case NormKind::kSwitchable:
    case NormKind::kDtn:
      return false;
    case NormKind::kMinmax:
    case NormKind::kZscore:
    case NormKind::kFeatureMix:
      return norm.axis == config::FeatureAxis::kChannel;
    default:
      return true;
  }
}

std::string_view why_not_vmap(const NormConfig& norm) {
  if (norm.kind == NormKind::kUnified || norm.kind == NormKind::kPowerNorm) {
    return "its backward pass is an estimate that keeps state, which no operator with a batching rule computes";
  }
  if (norm.kind != NormKind::kSelector) return {};
  if (norm.freeze_entropy > 0) return "its gate decides from the entropy of one model's step when to stop learning";
  for (const NormConfig& branch : norm.branches) {
    if (const std::string_view reason = why_not_vmap(branch); !reason.empty()) return reason;
  }
  return {};
}

}  // namespace autonorm::norms
