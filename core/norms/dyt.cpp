#include "core/norms/dyt.h"

#include "core/kernels/norms.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Dyt::Dyt(const DytOptions& options, ParameterTable& table)
    : alpha_(table.add("alpha", {1}, {Init::kConstant, options.alpha0})),
      affine_(table, options.channels, affine_parts(options.affine, options.bias)) {}

at::Tensor Dyt::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return kernels::dyt(x, alpha_.get(), affine_.weight(), affine_.bias());
}

at::Tensor Dyt::bounded(const at::Tensor& x) const { return (to_compute(x) * alpha_.get()).tanh(); }

// The source's counter does not see element-wise functions.
int64_t Dyt::macs(int64_t) const { return 0; }

std::map<std::string, double> Dyt::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
