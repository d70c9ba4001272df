#include "core/norms/layer_norm.h"

#include <ATen/ops/layer_norm.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

LayerNorm::LayerNorm(const LayerNormOptions& options, ParameterTable& table) : options_(options) {
  if (!options_.affine) return;
  weight_ = table.add("weight", {options_.channels}, {Init::kOnes});
  bias_ = table.add("bias", {options_.channels}, {Init::kZeros});
}

at::Tensor LayerNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  std::optional<at::Tensor> weight, bias;
  if (weight_) weight = weight_.get();
  if (bias_) bias = bias_.get();
  return at::layer_norm(to_compute(x), {options_.channels}, weight, bias, options_.eps).to(x.scalar_type());
}

int64_t LayerNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> LayerNorm::stats() const {
  std::map<std::string, double> stats;
  if (weight_) add_value_stats(stats, "weight", weight_.get());
  if (bias_) add_value_stats(stats, "bias", bias_.get());
  return stats;
}

}  // namespace autonorm::norms
