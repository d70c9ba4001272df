#include "core/norms/batch_norm.h"

#include <ATen/TensorOperators.h>

#include "core/norms/batch_moments.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

BatchNorm::BatchNorm(const BatchNormOptions& options, ParameterTable& table)
    : options_(options),
      running_mean_(table.add_buffer("running_mean", {options.channels}, 0.0)),
      running_var_(table.add_buffer("running_var", {options.channels}, 1.0)) {
  table.add_stateful(*this);
  affine_ = Affine(table, options_.channels, affine_parts(options_.affine));
}

at::Tensor BatchNorm::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  at::Tensor mean = running_mean_.get(), var = running_var_.get();
  if (step.training) {
    const BatchMoments moments = batch_moments(wide, step, meets_in_forward());
    update_running(running_mean_.get(), moments.mean, options_.momentum, moments.count);
    update_running(running_var_.get(), unbiased_var(moments), options_.momentum, moments.count);
    mean = moments.mean;
    var = moments.var;
  }
  return affine_((wide - mean) * (var + options_.eps).rsqrt()).to(x.scalar_type());
}

void BatchNorm::gradients_ready(const StepContext& step) {
  agree_on_state({running_mean_.get(), running_var_.get()}, options_.statistics, step);
}

// What evaluation computes is a scale and a shift altogether.
std::optional<Fold> BatchNorm::fold() const {
  return affine_.after(-running_mean_.get(), (running_var_.get() + options_.eps).rsqrt());
}

int64_t BatchNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, options_.affine); }

std::map<std::string, double> BatchNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  add_value_stats(stats, "running_mean", running_mean_.get());
  add_value_stats(stats, "running_var", running_var_.get());
  return stats;
}

}  // namespace autonorm::norms
