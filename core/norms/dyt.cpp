#include "core/norms/dyt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Dyt::Dyt(const DytOptions& options, ParameterTable& table)
    : alpha_(table.add("alpha", {1}, {Init::kConstant, options.alpha0})),
      weight_(table.add("weight", {options.channels}, {Init::kOnes})) {
  if (options.bias) bias_ = table.add("bias", {options.channels}, {Init::kZeros});
}

at::Tensor Dyt::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor squashed = (to_compute(x) * alpha_.get()).tanh();  // [B, N, C]
  if (!bias_) return (weight_.get() * squashed).to(x.scalar_type());
  return at::addcmul(bias_.get(), weight_.get(), squashed).to(x.scalar_type());
}

// The source's counter does not see element-wise functions.
int64_t Dyt::macs(int64_t) const { return 0; }

std::map<std::string, double> Dyt::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  add_value_stats(stats, "weight", weight_.get());
  if (bias_) add_value_stats(stats, "bias", bias_.get());
  return stats;
}

}  // namespace autonorm::norms
