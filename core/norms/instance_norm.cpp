#include "core/norms/instance_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/var_mean.h>

#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {

InstanceNorm::InstanceNorm(const InstanceNormOptions& options, ParameterTable& table) : options_(options) {
  affine_ = Affine(table, options_.channels, affine_parts(options_.affine));
}

at::Tensor InstanceNorm::forward(const at::Tensor& x, const StepContext& step) {
  refuse_mask(step, "instance");
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);                                                  // [B, N, C]
  const auto [var, mean] = at::var_mean(wide, {1}, options_.unbiased, /*keepdim=*/true);  // [B, 1, C]
  const at::Tensor y = (wide - mean) * (var + options_.eps).rsqrt();
  return affine_(y).to(x.scalar_type());
}

int64_t InstanceNorm::macs(int64_t tokens) const {
  return normalization_macs(options_.channels, tokens, options_.affine);
}

std::map<std::string, double> InstanceNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
