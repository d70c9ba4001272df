#include "core/norms/derf.h"

#include <ATen/TensorOperators.h>

#include "core/kernels/norms.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/squash.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Derf::Derf(const DerfOptions& options, ParameterTable& table)
    : function_(options.function), alpha_(table.add("alpha", {1}, {Init::kConstant, options.alpha0})) {
  if (options.shift) shift_ = table.add("shift", {1}, {Init::kZeros});
  affine_ = Affine(table, options.channels, affine_parts(options.affine));
}

at::Tensor Derf::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  if (function_ == config::Squash::kErf) {
    const std::optional<at::Tensor> shift = shift_ ? std::optional(shift_.get()) : std::nullopt;
    return kernels::derf(x, alpha_.get(), shift, affine_.weight(), affine_.bias());
  }
  return affine_(bounded(x)).to(x.scalar_type());
}

at::Tensor Derf::bounded(const at::Tensor& x) const {
  at::Tensor u = to_compute(x) * alpha_.get();  // [B, N, C]
  if (shift_) u = u + shift_.get();
  return squash(function_, u);
}

// The source's counter does not see element-wise functions.
int64_t Derf::macs(int64_t) const { return 0; }

std::map<std::string, double> Derf::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  if (shift_) add_value_stats(stats, "shift", shift_.get());
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
