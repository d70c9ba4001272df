#include "core/norms/instance_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/var_mean.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

InstanceNorm::InstanceNorm(const InstanceNormOptions& options, ParameterTable& table) : options_(options) {
  if (!options_.affine) return;
  weight_ = table.add("weight", {options_.channels}, {Init::kOnes});
  bias_ = table.add("bias", {options_.channels}, {Init::kZeros});
}

at::Tensor InstanceNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);                                                  // [B, N, C]
  const auto [var, mean] = at::var_mean(wide, {1}, options_.unbiased, /*keepdim=*/true);  // [B, 1, C]
  at::Tensor y = (wide - mean) * (var + options_.eps).rsqrt();
  if (weight_) y = at::addcmul(bias_.get(), weight_.get(), y);
  return y.to(x.scalar_type());
}

int64_t InstanceNorm::macs(int64_t tokens) const {
  return normalization_macs(options_.channels, tokens, options_.affine);
}

std::map<std::string, double> InstanceNorm::stats() const {
  std::map<std::string, double> stats;
  if (weight_) add_value_stats(stats, "weight", weight_.get());
  if (bias_) add_value_stats(stats, "bias", bias_.get());
  return stats;
}

}  // namespace autonorm::norms
