// Mean and variance of each channel over all valid tokens of a batch, of one rank or of all.
#pragma once
#include <ATen/core/Tensor.h>

#include "core/norms/norm.h"

namespace autonorm::norms {

struct BatchMoments {
  at::Tensor mean, var;  // [C]; var biased; both 0 without any token
  at::Tensor count;      // [] valid tokens, in the dtype of x
};

// x [B, N, C], float32 or float64, B may be 0. Differentiable. Two collectives when `over_ranks`: the variance is taken
// about the common mean, because Σx² − (Σx)² would cancel.
BatchMoments batch_moments(const at::Tensor& x, const StepContext& step, bool over_ranks);

// σ² with count − 1; σ² itself for a single token.
at::Tensor unbiased_var(const BatchMoments& moments);

// running ← running + momentum · (value − running), in place; nothing where no token was counted.
void update_running(const at::Tensor& running, const at::Tensor& value, double momentum, const at::Tensor& count);

}  // namespace autonorm::norms
