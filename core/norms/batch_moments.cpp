#include "core/norms/batch_moments.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/where.h>

#include "core/norms/rank_sum.h"

namespace autonorm::norms {

BatchMoments batch_moments(const at::Tensor& x, const StepContext& step, bool over_ranks) {
  const auto total = [&](const at::Tensor& local) { return over_ranks ? sum_over_ranks(local, step) : local; };
  at::Tensor valid;  // [B, N, 1]; undefined: all are
  if (step.mask != nullptr) valid = step.mask->to(x.scalar_type()).unsqueeze(-1);
  const auto column_sums = [&](const at::Tensor& values) {
    return (valid.defined() ? values * valid : values).sum(at::IntArrayRef{0, 1});
  };
  const at::Tensor local_count =
      valid.defined() ? valid.sum().reshape({1}) : at::full({1}, x.size(0) * x.size(1), x.options());
  const at::Tensor sums = total(at::cat({column_sums(x), local_count}));  // [C + 1]
  const at::Tensor count = sums.select(0, x.size(2)).detach();
  const at::Tensor divisor = count.clamp_min(1);
  const at::Tensor mean = sums.narrow(0, 0, x.size(2)) / divisor;
  return {.mean = mean, .var = total(column_sums((x - mean).square())) / divisor, .count = count};
}

at::Tensor unbiased_var(const BatchMoments& moments) {
  return moments.var * (moments.count / (moments.count - 1).clamp_min(1));
}

void update_running(const at::Tensor& running, const at::Tensor& value, double momentum, const at::Tensor& count) {
  const at::NoGradGuard no_grad;
  running.copy_(at::where(count > 0, running + (value - running) * momentum, running));
}

}  // namespace autonorm::norms
