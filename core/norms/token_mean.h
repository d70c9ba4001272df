// Means over all tokens of all ranks, outside the graph: what the smoothed estimates of Unified and Power Norm are made
// of.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/norms/norm.h"

namespace autonorm::norms {

// values [B, N, C] → [C]: mean over the tokens that `mask` [B, N] calls valid, or over all where it is null. 0 without
// any token. One collective.
at::Tensor token_mean(const at::Tensor& values, const at::Tensor* mask, const StepContext& step);

// Whether no token at all is there to be seen; where several ranks train, one of them has some (train_step.h). Waits
// for the device where there is a mask.
inline bool nothing_to_see(const at::Tensor& x, const StepContext& step) {
  if (step.ranks != nullptr && step.ranks->size() > 1) return false;
  return x.numel() == 0 || (step.mask != nullptr && !step.mask->any().item<bool>());
}

}  // namespace autonorm::norms
