#include "core/norms/scale_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/norm.h>

#include <cmath>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

ScaleNorm::ScaleNorm(const ScaleNormOptions& options, ParameterTable& table)
    : options_(options),
      gain_(table.add("gain", {options.per_channel ? options.channels : 1},
                      {Init::kConstant, std::sqrt(static_cast<double>(options.channels))})) {}

at::Tensor ScaleNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);                                                        // [B, N, C]
  const at::Tensor length = at::norm(wide, 2, {-1}, /*keepdim=*/true).clamp_min(options_.eps);  // [B, N, 1]
  return (gain_.get() * (wide / length)).to(x.scalar_type());
}

int64_t ScaleNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> ScaleNorm::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "gain", gain_.get());
  return stats;
}

}  // namespace autonorm::norms
