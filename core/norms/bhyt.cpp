#include "core/norms/bhyt.h"

#include <ATen/TensorOperators.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Bhyt::Bhyt(const BhytOptions& options, ParameterTable& table)
    : options_(options),
      lambda_(table.add("lambda", {1}, {Init::kConstant, options.lambda0}, options.learn_lambda)),
      affine_(table, options.channels, affine_parts(options.affine, /*bias=*/false)) {}

at::Tensor Bhyt::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return affine_(bounded(x)).to(x.scalar_type());
}

at::Tensor Bhyt::bounded(const at::Tensor& x) const {
  const at::Tensor wide = to_compute(x);                                                      // [B, N, C]
  const at::Tensor rstd = (wide.square().mean(-1, /*keepdim=*/true) + options_.eps).rsqrt();  // [B, N, 1]
  return (wide * (rstd * (lambda_.get() / options_.kappa))).tanh();
}

int64_t Bhyt::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> Bhyt::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "lambda", lambda_.get());
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
