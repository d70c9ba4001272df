#include "core/norms/learnable_scaler.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>

#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {
namespace {

InitSpec scaler_init(config::ScalerInit init) {
  return init == config::ScalerInit::kNormal ? InitSpec{Init::kNormal, 1.0} : InitSpec{Init::kOnes};
}

}  // namespace

LearnableScaler::LearnableScaler(const LearnableScalerOptions& options, ParameterTable& table)
    : weight_(table.add("weight", {options.channels}, scaler_init(options.init))),
      bias_(table.add("bias", {options.channels}, {Init::kZeros})) {}

at::Tensor LearnableScaler::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  return at::addcmul(bias_.get(), weight_.get(), to_compute(x)).to(x.scalar_type());
}

std::optional<Fold> LearnableScaler::fold() const { return Fold{.scale = weight_.get(), .shift = bias_.get()}; }

// The source's counter does not see element-wise products.
int64_t LearnableScaler::macs(int64_t) const { return 0; }

std::map<std::string, double> LearnableScaler::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "weight", weight_.get());
  add_value_stats(stats, "bias", bias_.get());
  return stats;
}

}  // namespace autonorm::norms
