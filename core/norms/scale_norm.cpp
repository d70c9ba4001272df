#include "core/norms/scale_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/norm.h>

#include <cmath>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

ScaleNorm::ScaleNorm(const ScaleNormOptions& options, ParameterTable& table) : options_(options) {
  const double root = std::sqrt(static_cast<double>(options.channels));
  if (options_.affine) gain_ = table.add("gain", {options.per_channel ? options.channels : 1}, {Init::kConstant, root});
}

at::Tensor ScaleNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);                                                        // [B, N, C]
  const at::Tensor length = at::norm(wide, 2, {-1}, /*keepdim=*/true).clamp_min(options_.eps);  // [B, N, 1]
  const at::Tensor unit = wide / length;
  return (gain_ ? gain_.get() * unit : unit).to(x.scalar_type());
}

std::optional<Fold> ScaleNorm::fold() const {
  if (!gain_) return std::nullopt;
  return Fold{.scale = gain_.get().expand({options_.channels}), .shift = {}};
}

int64_t ScaleNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> ScaleNorm::stats() const {
  std::map<std::string, double> stats;
  if (gain_) add_value_stats(stats, "gain", gain_.get());
  return stats;
}

}  // namespace autonorm::norms
