#include "core/norms/isru.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {
namespace {

constexpr double kSmallestBeta = 1e-6;

double initial_beta(const IsruOptions& options) {
  return options.beta0 > 0 ? options.beta0 : static_cast<double>(options.channels);
}

}  // namespace

Isru::Isru(const IsruOptions& options, ParameterTable& table)
    : root_(std::sqrt(static_cast<double>(options.channels))),
      beta_(table.add("beta", {1}, {Init::kConstant, initial_beta(options)})),
      affine_(table, options.channels, affine_parts(options.affine, /*bias=*/false)) {}

at::Tensor Isru::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  return affine_(wide * (beta_.get().clamp_min(kSmallestBeta) + wide.square()).rsqrt() * root_).to(x.scalar_type());
}

// The source's counter does not see element-wise functions.
int64_t Isru::macs(int64_t) const { return 0; }

std::map<std::string, double> Isru::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "beta", beta_.get());
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
