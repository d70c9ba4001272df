// The statistics of a feature normalization over one axis: an offset and a divisor for each of its slices.
//
//   channel   over the C channels of a token        [B, N, 1]
//   token     over the N tokens of a sample         [B, 1, C]
//   batch     over all tokens of the batch          [C], with running values for evaluation
#pragma once
#include <ATen/core/Tensor.h>

#include "core/norms/norm.h"

namespace autonorm::norms {

// y = (x − offset) / divisor
struct FeatureStats {
  at::Tensor offset, divisor;
};

struct FeatureRule {
  config::FeatureAxis axis = config::FeatureAxis::kChannel;
  double eps = 1e-5;
  double momentum = 0.1;                 // batch axis: weight of the new running value
  bool over_ranks = true;                // batch axis
  BufferSlot running_low, running_high;  // batch axis: [C] mean and unbiased variance, or least and largest value
};

// Mean and √(σ² + eps), σ² with n − 1. In training the batch axis moves its running values.
FeatureStats zscore_stats(const at::Tensor& x, const FeatureRule& rule, const StepContext& step);
// Least value and (largest − least) + eps. Equal extremes share their gradient.
FeatureStats minmax_stats(const at::Tensor& x, const FeatureRule& rule, const StepContext& step);

}  // namespace autonorm::norms
