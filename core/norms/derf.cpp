#include "core/norms/derf.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/squash.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Derf::Derf(const DerfOptions& options, ParameterTable& table)
    : function_(options.function), alpha_(table.add("alpha", {1}, {Init::kConstant, options.alpha0})) {
  if (options.shift) shift_ = table.add("shift", {1}, {Init::kZeros});
  weight_ = table.add("weight", {options.channels}, {Init::kOnes});
  bias_ = table.add("bias", {options.channels}, {Init::kZeros});
}

at::Tensor Derf::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  at::Tensor u = to_compute(x) * alpha_.get();  // [B, N, C]
  if (shift_) u = u + shift_.get();
  return at::addcmul(bias_.get(), weight_.get(), squash(function_, u)).to(x.scalar_type());
}

// The source's counter does not see element-wise functions.
int64_t Derf::macs(int64_t) const { return 0; }

std::map<std::string, double> Derf::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  if (shift_) add_value_stats(stats, "shift", shift_.get());
  add_value_stats(stats, "weight", weight_.get());
  add_value_stats(stats, "bias", bias_.get());
  return stats;
}

}  // namespace autonorm::norms
