#include "core/norms/scale.h"

#include <ATen/TensorOperators.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Scale::Scale(int64_t channels, ParameterTable& table) : alpha_(table.add("alpha", {1, channels}, {Init::kOnes})) {}

at::Tensor Scale::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return (to_compute(x) * alpha_.get()).to(x.scalar_type());
}

std::optional<Fold> Scale::fold() const { return Fold{.scale = alpha_.get().flatten(), .shift = {}}; }

// The source's counter does not see element-wise products.
int64_t Scale::macs(int64_t) const { return 0; }

std::map<std::string, double> Scale::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  return stats;
}

}  // namespace autonorm::norms
