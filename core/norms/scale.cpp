#include "core/norms/scale.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <vector>

#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Scale::Scale(const ScaleOptions& options, ParameterTable& table) : options_(options) {
  const double start = options.scale0 > 0 ? options.scale0 : std::sqrt(static_cast<double>(options.channels));
  const std::vector<int64_t> shape =
      options.scalar ? std::vector<int64_t>{1} : std::vector<int64_t>{1, options.channels};
  alpha_ = table.add("alpha", shape, {Init::kConstant, start});
}

at::Tensor Scale::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return (to_compute(x) * alpha_.get()).to(x.scalar_type());
}

std::optional<Fold> Scale::fold() const {
  return Fold{.scale = alpha_.get().flatten().expand({options_.channels}), .shift = {}};
}

// The source's counter does not see element-wise products.
int64_t Scale::macs(int64_t) const { return 0; }

std::map<std::string, double> Scale::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  return stats;
}

}  // namespace autonorm::norms
