#include "core/norms/power_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/base/status.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"
#include "core/norms/token_mean.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

// z = x · scale forward, the estimate backward. The slots' table and the ranks outlive the graph.
struct PowerNorm::Backward : public torch::autograd::Function<PowerNorm::Backward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& scale,
                            const at::Tensor& backward_scale, const at::Tensor& ema_gz, double share, Ranks* ranks) {
    const at::Tensor z = x * scale;
    context->save_for_backward({z, backward_scale});
    context->saved_data["ema_gz"] = ema_gz;
    context->saved_data["share"] = share;
    context->saved_data["ranks"] = reinterpret_cast<int64_t>(ranks);
    return z;
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor ema_gz = context->saved_data["ema_gz"].toTensor();
    const StepContext step{.ranks = reinterpret_cast<Ranks*>(context->saved_data["ranks"].toInt())};
    // A rank's gradients are those of the global mean times the number of ranks; ema_gz is of the global mean.
    const double ranks = step.ranks == nullptr ? 1.0 : step.ranks->size();
    const at::Tensor& z = saved[0];
    const at::Tensor smoothed = gradients[0] / ranks - ema_gz * z * context->saved_data["share"].toDouble();
    ema_gz.add_(token_mean(smoothed * z, nullptr, step));
    const at::Tensor none;
    return {smoothed * saved[1] * ranks, none, none, none, none, none};
  }
};

PowerNorm::PowerNorm(const PowerNormOptions& options, ParameterTable& table)
    : options_(options),
      affine_(table, options.channels),
      running_phi_(table.add_buffer("running_phi", {options.channels}, 1.0)),
      ema_gz_(table.add_buffer("ema_gz", {options.channels}, 0.0)),
      iters_(table.add_counter("iters", /*warm_up=*/true)) {
  AUTONORM_CHECK(options_.scale_groups == 0 || options_.channels % options_.scale_groups == 0, options_.scale_groups,
                 " groups of ", options_.channels, " channels");
  table.add_stateful(*this);
}

at::Tensor PowerNorm::group_scaled(const at::Tensor& x) const {
  if (options_.scale_groups == 0) return x;
  const int64_t size = options_.channels / options_.scale_groups;
  const at::Tensor grouped = x.reshape({x.size(0), x.size(1), options_.scale_groups, size});
  return (grouped * (grouped.square().mean(-1, /*keepdim=*/true) + options_.eps).rsqrt()).reshape(x.sizes());
}

// One micro-batch further: what it is scaled by.
PowerNorm::Scales PowerNorm::advance(const at::Tensor& x, int64_t t, const StepContext& scope) {
  const at::NoGradGuard no_grad;
  const at::Tensor square = token_mean(x.square(), scope.mask, scope);  // [C]
  const at::Tensor& phi = running_phi_.get();
  const at::Tensor by_batch = (square + options_.eps).rsqrt();
  const at::Tensor scale = t <= options_.warmup_iters ? by_batch : (phi + options_.eps).rsqrt();
  if (t < options_.warmup_iters) {
    const auto count = static_cast<double>(t);
    phi.mul_((count - 1) / count).add_(square / count);
  }
  phi.mul_(options_.alpha_forward).add_(square * (1 - options_.alpha_forward));
  return {.forward = scale, .backward = t >= options_.warmup_iters ? (phi + options_.eps).rsqrt() : by_batch};
}

at::Tensor PowerNorm::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor scaled = group_scaled(to_compute(x));  // [B, N, C]
  const at::Tensor z = step.training ? trained(scaled, step) : evaluated(scaled);
  return affine_(z).to(x.scalar_type());
}

at::Tensor PowerNorm::evaluated(const at::Tensor& scaled) const {
  return scaled * (running_phi_.get() + options_.eps).rsqrt();
}

at::Tensor PowerNorm::trained(const at::Tensor& scaled, const StepContext& step) {
  const int64_t t = ++*iters_.get().mutable_data_ptr<int64_t>();
  const StepContext scope = scope_of(step, options_.statistics);
  if (nothing_to_see(scaled, scope)) return evaluated(scaled);
  const Scales scales = advance(scaled, t, scope);
  return Backward::apply(scaled, scales.forward, scales.backward, ema_gz_.get(), 1 - options_.alpha_backward,
                         several_ranks(scope) ? scope.ranks : nullptr);
}

void PowerNorm::gradients_ready(const StepContext& step) {
  agree_on_state({running_phi_.get(), ema_gz_.get()}, options_.statistics, step);
}

// The scaling by groups comes first and stays: no Linear can take it over.
std::optional<Fold> PowerNorm::fold() const {
  if (options_.scale_groups > 0) return std::nullopt;
  return affine_.after({}, (running_phi_.get() + options_.eps).rsqrt());
}

int64_t PowerNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> PowerNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  add_value_stats(stats, "running_phi", running_phi_.get());
  stats["iters"] = static_cast<double>(iters_.get().item<int64_t>());
  return stats;
}

}  // namespace autonorm::norms
