#include "core/norms/switchable_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/var_mean.h>

#include "core/norms/batch_moments.h"
#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"

namespace autonorm::norms {
namespace {

int64_t mixed_norms(config::SwitchForm form) { return form == config::SwitchForm::kSample ? 3 : 2; }

}  // namespace

SwitchableNorm::SwitchableNorm(const SwitchableNormOptions& options, ParameterTable& table)
    : options_(options),
      mean_logits_(table.add("mean_logits", {mixed_norms(options.form)}, {Init::kOnes})),
      var_logits_(table.add("var_logits", {mixed_norms(options.form)}, {Init::kOnes})),
      affine_(table, options.channels, affine_parts(options.affine)),
      running_mean_(table.add_buffer("running_mean", {options.channels}, 0.0)),
      running_var_(table.add_buffer("running_var", {options.channels}, 0.0)) {
  table.add_stateful(*this);
}

SwitchableNorm::Moments SwitchableNorm::remembered(const Moments& batch, const at::Tensor& count) {
  update_running(running_mean_.get(), batch.mean, 1 - options_.decay, count);
  update_running(running_var_.get(), batch.var, 1 - options_.decay, count);
  return batch;
}

std::vector<SwitchableNorm::Moments> SwitchableNorm::sample_form(const at::Tensor& x, const StepContext& step) {
  const auto [var, mean] = at::var_mean(x, {1}, /*unbiased=*/true, /*keepdim=*/true);  // [B, 1, C]
  const at::Tensor square = var + mean.square();
  const at::Tensor layer_mean = mean.mean(-1, /*keepdim=*/true);  // [B, 1, 1]
  const Moments layer{layer_mean, (square.mean(-1, /*keepdim=*/true) - layer_mean.square()).clamp_min(0)};
  if (!step.training) return {{mean, var}, layer, {running_mean_.get(), running_var_.get()}};
  const at::Tensor samples = at::full({1}, x.size(0), x.options());
  at::Tensor sums = at::cat({mean.sum(at::IntArrayRef{0, 1}), square.sum(at::IntArrayRef{0, 1}), samples});  // [2C + 1]
  if (meets_in_forward()) sums = sum_over_ranks(sums, step);
  const at::Tensor count = sums.select(0, 2 * options_.channels).detach();
  const at::Tensor batch_mean = sums.narrow(0, 0, options_.channels) / count.clamp_min(1);
  const at::Tensor batch_square = sums.narrow(0, options_.channels, options_.channels) / count.clamp_min(1);
  return {{mean, var}, layer, remembered({batch_mean, (batch_square - batch_mean.square()).clamp_min(0)}, count)};
}

std::vector<SwitchableNorm::Moments> SwitchableNorm::token_form(const at::Tensor& x, const StepContext& step) {
  const auto [var, mean] = at::var_mean(x, {2}, /*unbiased=*/true, /*keepdim=*/true);  // [B, N, 1]
  if (!step.training) return {{mean, var}, {running_mean_.get(), running_var_.get()}};
  const BatchMoments batch = batch_moments(x, step, meets_in_forward());
  return {{mean, var}, remembered({batch.mean, unbiased_var(batch)}, batch.count)};
}

at::Tensor SwitchableNorm::forward(const at::Tensor& x, const StepContext& step) {
  refuse_mask(step, "switchable");
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  const bool by_sample = options_.form == config::SwitchForm::kSample;
  const std::vector<Moments> parts = by_sample ? sample_form(wide, step) : token_form(wide, step);
  const at::Tensor mean_shares = mean_logits_.get().softmax(0), var_shares = var_logits_.get().softmax(0);
  at::Tensor mean, var;
  for (size_t k = 0; k < parts.size(); ++k) {
    const at::Tensor m = parts[k].mean * mean_shares.select(0, static_cast<int64_t>(k));
    const at::Tensor v = parts[k].var * var_shares.select(0, static_cast<int64_t>(k));
    mean = k == 0 ? m : mean + m;
    var = k == 0 ? v : var + v;
  }
  return affine_((wide - mean) * (var + options_.eps).rsqrt()).to(x.scalar_type());
}

void SwitchableNorm::gradients_ready(const StepContext& step) {
  agree_on_state({running_mean_.get(), running_var_.get()}, options_.statistics, step);
}

int64_t SwitchableNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> SwitchableNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  const std::vector<std::string> sample_names{"instance", "layer", "batch"}, token_names{"layer", "batch"};
  const auto& names = options_.form == config::SwitchForm::kSample ? sample_names : token_names;
  const at::Tensor means = mean_logits_.get().detach().softmax(0), vars = var_logits_.get().detach().softmax(0);
  for (size_t k = 0; k < names.size(); ++k) {
    stats["mean_share_" + names[k]] = means[static_cast<int64_t>(k)].item<double>();
    stats["var_share_" + names[k]] = vars[static_cast<int64_t>(k)].item<double>();
  }
  return stats;
}

}  // namespace autonorm::norms
