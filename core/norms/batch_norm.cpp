#include "core/norms/batch_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>

#include "core/norms/batch_moments.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

BatchNorm::BatchNorm(const BatchNormOptions& options, ParameterTable& table)
    : options_(options),
      running_mean_(table.add_buffer("running_mean", {options.channels}, 0.0)),
      running_var_(table.add_buffer("running_var", {options.channels}, 1.0)) {
  table.add_stateful(*this);
  if (!options_.affine) return;
  weight_ = table.add("weight", {options_.channels}, {Init::kOnes});
  bias_ = table.add("bias", {options_.channels}, {Init::kZeros});
}

at::Tensor BatchNorm::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  at::Tensor mean = running_mean_.get(), var = running_var_.get();
  if (step.training) {
    const BatchMoments moments = batch_moments(wide, step, meets_in_forward());
    update_running(running_mean_.get(), moments.mean, options_.momentum, moments.count);
    update_running(running_var_.get(), unbiased_var(moments), options_.momentum, moments.count);
    mean = moments.mean;
    var = moments.var;
  }
  at::Tensor y = (wide - mean) * (var + options_.eps).rsqrt();
  if (weight_) y = at::addcmul(bias_.get(), weight_.get(), y);
  return y.to(x.scalar_type());
}

void BatchNorm::gradients_ready(const StepContext& step) {
  if (!meets_in_forward()) average_over_ranks({running_mean_.get(), running_var_.get()}, step);
}

int64_t BatchNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> BatchNorm::stats() const {
  std::map<std::string, double> stats;
  if (weight_) add_value_stats(stats, "weight", weight_.get());
  if (bias_) add_value_stats(stats, "bias", bias_.get());
  add_value_stats(stats, "running_mean", running_mean_.get());
  add_value_stats(stats, "running_var", running_var_.get());
  return stats;
}

}  // namespace autonorm::norms
