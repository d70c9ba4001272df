#include "core/norms/feature_stats.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/var_mean.h>
#include <ATen/ops/where.h>

#include <limits>

#include "core/norms/batch_moments.h"
#include "core/norms/rank_sum.h"

namespace autonorm::norms {
namespace {

using config::FeatureAxis;

struct Extremes {
  at::Tensor least, largest;
};

int64_t axis_of(FeatureAxis axis) { return axis == FeatureAxis::kChannel ? 2 : 1; }

// [C] each; ±∞ without any token.
Extremes batch_extremes(const at::Tensor& x, const FeatureRule& rule, const StepContext& step) {
  const int64_t channels = x.size(2), rows = x.size(0) * x.size(1);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  Extremes local{at::full({channels}, kInfinity, x.options()), at::full({channels}, -kInfinity, x.options())};
  // An empty slice stays in the graph, so that every rank has the same collectives in its backward pass.
  const at::Tensor nothing = x.flatten().narrow(0, 0, 0).sum();
  if (rows > 0) {
    const at::Tensor flat = x.reshape({rows, channels});
    local = {flat.amin(0), flat.amax(0)};
  }
  if (!rule.over_ranks || !several_ranks(step)) return local;
  return {gather_over_ranks(local.least + nothing, step).amin(0),
          gather_over_ranks(local.largest + nothing, step).amax(0)};
}

}  // namespace

FeatureStats zscore_stats(const at::Tensor& x, const FeatureRule& rule, const StepContext& step) {
  if (rule.axis != FeatureAxis::kBatch) {
    const auto [var, mean] = at::var_mean(x, {axis_of(rule.axis)}, /*unbiased=*/true, /*keepdim=*/true);
    return {mean, (var + rule.eps).sqrt()};
  }
  if (!step.training) return {rule.running_low.get(), (rule.running_high.get() + rule.eps).sqrt()};
  const BatchMoments moments = batch_moments(x, step, rule.over_ranks);
  const at::Tensor var = unbiased_var(moments);
  update_running(rule.running_low.get(), moments.mean, rule.momentum, moments.count);
  update_running(rule.running_high.get(), var, rule.momentum, moments.count);
  return {moments.mean, (var + rule.eps).sqrt()};
}

FeatureStats minmax_stats(const at::Tensor& x, const FeatureRule& rule, const StepContext& step) {
  if (rule.axis != FeatureAxis::kBatch) {
    const int64_t axis = axis_of(rule.axis);
    const at::Tensor least = x.amin(axis, /*keepdim=*/true);
    return {least, x.amax(axis, /*keepdim=*/true) - least + rule.eps};
  }
  if (!step.training) {
    return {rule.running_low.get(), rule.running_high.get() - rule.running_low.get() + rule.eps};
  }
  const Extremes extremes = batch_extremes(x, rule, step);
  const at::Tensor seen = extremes.least.isfinite();  // [C]
  update_running(rule.running_low.get(), extremes.least, rule.momentum, seen);
  update_running(rule.running_high.get(), extremes.largest, rule.momentum, seen);
  return {extremes.least, extremes.largest - extremes.least + rule.eps};
}

}  // namespace autonorm::norms
