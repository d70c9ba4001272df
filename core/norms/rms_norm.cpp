#include "core/norms/rms_norm.h"

#include <ATen/TensorOperators.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

RmsNorm::RmsNorm(const RmsNormOptions& options, ParameterTable& table) : options_(options) {
  if (options_.affine) weight_ = table.add("weight", {options_.channels}, {Init::kOnes});
}

at::Tensor RmsNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);                                                      // [B, N, C]
  const at::Tensor rstd = (wide.square().mean(-1, /*keepdim=*/true) + options_.eps).rsqrt();  // [B, N, 1]
  at::Tensor y = wide * rstd;
  if (weight_) y = y * weight_.get();
  return y.to(x.scalar_type());
}

int64_t RmsNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> RmsNorm::stats() const {
  std::map<std::string, double> stats;
  if (weight_) add_value_stats(stats, "weight", weight_.get());
  return stats;
}

}  // namespace autonorm::norms
