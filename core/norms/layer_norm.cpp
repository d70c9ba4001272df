#include "core/norms/layer_norm.h"

#include "core/kernels/norms.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {

LayerNorm::LayerNorm(const LayerNormOptions& options, ParameterTable& table)
    : options_(options), affine_(table, options.channels, affine_parts(options.affine)) {}

at::Tensor LayerNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return kernels::layer_norm(x, affine_.weight(), affine_.bias(), options_.eps);
}

int64_t LayerNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> LayerNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
