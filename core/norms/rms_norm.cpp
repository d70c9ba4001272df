#include "core/norms/rms_norm.h"

#include "core/kernels/norms.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {

RmsNorm::RmsNorm(const RmsNormOptions& options, ParameterTable& table)
    : options_(options), affine_(table, options.channels, affine_parts(options.affine, /*bias=*/false)) {}

at::Tensor RmsNorm::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return kernels::rms_norm(x, affine_.weight(), options_.eps);
}

int64_t RmsNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> RmsNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
