#include "core/norms/feature_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/lerp.h>
#include <ATen/ops/ones.h>

#include "core/config/catalogue.h"
#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"

namespace autonorm::norms {

FeatureNorm::FeatureNorm(const FeatureNormOptions& options, ParameterTable& table) : options_(options) {
  zscore_ = {.axis = options_.axis,
             .eps = options_.eps,
             .momentum = options_.momentum,
             .over_ranks = options_.statistics == config::Statistics::kSynchronised,
             .running_low = {},
             .running_high = {}};
  minmax_ = zscore_;
  if (batch_axis()) add_state(table);
  if (has_zscore() && has_minmax()) mix_ = table.add("mix", {1}, {Init::kZeros});
  affine_ = Affine(table, options_.channels, affine_parts(options_.affine));
}

void FeatureNorm::add_state(ParameterTable& table) {
  table.add_stateful(*this);
  if (has_zscore()) {
    zscore_.running_low = table.add_buffer("running_mean", {options_.channels}, 0.0);
    zscore_.running_high = table.add_buffer("running_var", {options_.channels}, 1.0);
  }
  if (has_minmax()) {
    minmax_.running_low = table.add_buffer("running_min", {options_.channels}, 0.0);
    minmax_.running_high = table.add_buffer("running_max", {options_.channels}, 1.0);
  }
}

at::Tensor FeatureNorm::apply(const at::Tensor& x, FeatureStats stats) const {
  if (options_.detach_stats) stats = {stats.offset.detach(), stats.divisor.detach()};
  return (x - stats.offset) / stats.divisor;
}

at::Tensor FeatureNorm::forward(const at::Tensor& x, const StepContext& step) {
  if (options_.axis != config::FeatureAxis::kChannel) refuse_mask(step, config::name(options_.kind));
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  at::Tensor scored, ranged;
  if (has_zscore()) scored = apply(wide, zscore_stats(wide, zscore_, step));
  if (has_minmax()) ranged = apply(wide, minmax_stats(wide, minmax_, step));
  at::Tensor y = scored.defined() ? scored : ranged;
  if (mix_) y = at::lerp(ranged, scored, mix_.get().sigmoid());
  return affine_(y).to(x.scalar_type());
}

void FeatureNorm::gradients_ready(const StepContext& step) {
  if (meets_in_forward()) return;
  std::vector<at::Tensor> running;
  for (const FeatureRule& rule : {zscore_, minmax_}) {
    if (rule.running_low) running.insert(running.end(), {rule.running_low.get(), rule.running_high.get()});
  }
  agree_on_state(running, options_.statistics, step);
}

// Over the batch, evaluation is a scale and a shift altogether.
std::optional<Fold> FeatureNorm::fold() const {
  if (!batch_axis()) return affine_.fold();
  const at::NoGradGuard no_grad;
  const StepContext evaluation{.training = false};
  const at::Tensor no_tokens;
  at::Tensor factor, shift;  // of f(x) = x ⊙ factor + shift
  const auto add = [&](const FeatureStats& stats, const at::Tensor& share) {
    const at::Tensor own = share / stats.divisor;
    const at::Tensor moved = -stats.offset * own;
    factor = factor.defined() ? factor + own : own;
    shift = shift.defined() ? shift + moved : moved;
  };
  const at::Tensor all = at::ones({1}, options_of_state());
  const at::Tensor zscore_share = mix_ ? mix_.get().sigmoid() : all;
  if (has_zscore()) add(zscore_stats(no_tokens, zscore_, evaluation), zscore_share);
  if (has_minmax()) add(minmax_stats(no_tokens, minmax_, evaluation), mix_ ? 1 - zscore_share : all);
  return affine_.after(shift / factor, factor);
}

at::TensorOptions FeatureNorm::options_of_state() const {
  return (has_zscore() ? zscore_ : minmax_).running_low.get().options();
}

int64_t FeatureNorm::macs(int64_t tokens) const {
  return normalization_macs(options_.channels, tokens, options_.affine) * (mix_ ? 2 : 1);
}

std::map<std::string, double> FeatureNorm::stats() const {
  std::map<std::string, double> stats;
  if (mix_) stats["zscore_share"] = mix_.get().detach().sigmoid().item<double>();
  affine_.add_stats(stats);
  return stats;
}

}  // namespace autonorm::norms
