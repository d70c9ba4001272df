#include "core/norms/token_mean.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include "core/norms/rank_sum.h"

namespace autonorm::norms {

at::Tensor token_mean(const at::Tensor& values, const at::Tensor* mask, const StepContext& step) {
  const at::NoGradGuard no_grad;
  const int64_t channels = values.size(2);
  at::Tensor sum, count;  // [C], [1]
  if (mask != nullptr) {
    const at::Tensor valid = mask->to(values.scalar_type()).unsqueeze(-1);
    sum = (values * valid).sum(at::IntArrayRef{0, 1});
    count = valid.sum().reshape({1});
  } else {
    sum = values.sum(at::IntArrayRef{0, 1});
    count = at::full({1}, values.size(0) * values.size(1), values.options());
  }
  const at::Tensor totals = sum_over_ranks(at::cat({sum, count}), step);  // [C + 1]
  return totals.narrow(0, 0, channels) / totals.select(0, channels).clamp_min(1);
}

}  // namespace autonorm::norms
