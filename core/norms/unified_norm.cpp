#include "core/norms/unified_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/norms/compute_dtype.h"
#include "core/norms/mac_rules.h"
#include "core/norms/rank_sum.h"
#include "core/norms/token_mean.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {
namespace {

constexpr int64_t kRatioWarmup = 1000;
constexpr double kLargestRatio = 5.0;

at::Tensor geometric_mean(const at::Tensor& window) { return window.log().mean(0).exp(); }

}  // namespace

// y from x, weight and bias; the estimate backward. The norm and the ranks outlive the graph.
struct UnifiedNorm::Backward : public torch::autograd::Function<UnifiedNorm::Backward> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const Decision& decision, int64_t t, UnifiedNorm* norm,
                            Ranks* ranks) {
    const at::Tensor rstd = (decision.var + norm->options_.eps).rsqrt();  // [C]
    const at::Tensor z = x * rstd;
    context->save_for_backward({z, rstd, weight, decision.ratio, decision.skip});
    context->saved_data["t"] = t;
    context->saved_data["norm"] = reinterpret_cast<int64_t>(norm);
    context->saved_data["ranks"] = reinterpret_cast<int64_t>(ranks);
    return at::addcmul(bias, weight, z);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &z = saved[0], &rstd = saved[1], &weight = saved[2], &ratio = saved[3], &skip = saved[4];
    auto* norm = reinterpret_cast<UnifiedNorm*>(context->saved_data["norm"].toInt());
    const StepContext step{.ranks = reinterpret_cast<Ranks*>(context->saved_data["ranks"].toInt())};
    // A rank's gradients are those of the global mean times the number of ranks; ema_gz is of the global mean.
    const double ranks = step.ranks == nullptr ? 1.0 : step.ranks->size();
    const at::Tensor& dy = gradients[0];
    const at::Tensor g = dy * (weight * ratio);
    const at::Tensor gz = token_mean(g * z, nullptr, step) / ranks;  // [C]
    const at::Tensor pull = norm->smoothed_gradient(gz, skip, context->saved_data["t"].toInt());
    const at::Tensor dx = (g - pull * ranks * z) * rstd;
    const at::Tensor none;
    return {dx, (dy * z).sum(at::IntArrayRef{0, 1}) * ratio, dy.sum(at::IntArrayRef{0, 1}), none, none, none, none};
  }
};

UnifiedNorm::UnifiedNorm(const UnifiedNormOptions& options, ParameterTable& table)
    : options_(options),
      affine_(table, options.channels),
      running_var_(table.add_buffer("running_var", {options.channels}, 1.0)),
      ema_gz_(table.add_buffer("ema_gz", {options.channels}, 0.0)),
      buffer_x2_(table.add_buffer("buffer_x2", {options.window, options.channels}, 0.0)),
      buffer_gz_(table.add_buffer("buffer_gz", {options.window_backward, options.channels}, 0.0)),
      skip_counter_(table.add_buffer("skip_counter", {1}, 0.0)),
      iters_(table.add_counter("iters", /*warm_up=*/true)) {
  table.add_stateful(*this);
}

// Whether the window's arithmetic and geometric means are too far apart in some channel. [] bool
at::Tensor UnifiedNorm::outlier(const at::Tensor& spread) const {
  const at::Tensor gap = buffer_x2_.get().mean(0) - geometric_mean(buffer_x2_.get());  // [C]
  return (gap > spread * static_cast<double>(options_.window)).any();
}

UnifiedNorm::Decision UnifiedNorm::decide(const at::Tensor& square, int64_t t) {
  const at::Tensor& running = running_var_.get();
  const at::Tensor spread = buffer_x2_.get().sqrt().var();  // [] of the window as it was
  const at::Tensor slot = buffer_x2_.get().select(0, t % options_.window);
  slot.copy_(square);
  at::Tensor skip = at::zeros({}, square.options().dtype(at::kBool));
  if (t >= options_.warmup_iters && options_.filtration) {
    skip = outlier(spread);
    slot.copy_(at::where(skip, running, square));
    skip_counter_.get().add_(skip.to(square.scalar_type()));
  }
  if (options_.window == 1) skip = at::ones_like(skip);
  at::Tensor var = square;
  if (t > options_.window && t >= options_.warmup_iters) {
    var = at::where(skip, square, geometric_mean(buffer_x2_.get()));
  }
  at::Tensor ratio = at::ones_like(square);
  if (t > std::max(kRatioWarmup, options_.warmup_iters)) {
    const at::Tensor raw = ((var + options_.eps) / (running + options_.eps)).sqrt();
    ratio = at::where(skip, ratio, raw.clamp(1 / kLargestRatio, kLargestRatio));
  }
  running.mul_(options_.decay).add_(var * (1 - options_.decay));
  return {.var = var, .ratio = ratio, .skip = skip};
}

// Moves the backward state by gz [C]; returns what is taken from g along z.
at::Tensor UnifiedNorm::smoothed_gradient(const at::Tensor& gz, const at::Tensor& skip, int64_t t) {
  const at::NoGradGuard no_grad;
  const at::Tensor& ema = ema_gz_.get();
  buffer_gz_.get().select(0, t % options_.window_backward).copy_(at::where(skip, ema, gz));
  at::Tensor smooth = gz;
  if (t > options_.window_backward && t >= options_.warmup_iters) {
    smooth = at::where(skip, gz, buffer_gz_.get().mean(0));
  }
  ema.mul_(options_.decay).add_(smooth * (1 - options_.decay));
  return at::where(skip, smooth, ema);
}

at::Tensor UnifiedNorm::trained(const at::Tensor& x, int64_t t, const StepContext& scope) {
  Decision decision;
  {
    const at::NoGradGuard no_grad;
    decision = decide(token_mean(x.square(), scope.mask, scope), t);
  }
  return Backward::apply(x, *affine_.weight(), *affine_.bias(), decision, t, this,
                         several_ranks(scope) ? scope.ranks : nullptr);
}

at::Tensor UnifiedNorm::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  if (step.training) {
    const int64_t t = ++*iters_.get().mutable_data_ptr<int64_t>();
    const StepContext scope = scope_of(step, options_.statistics);
    if (!nothing_to_see(x, scope)) return trained(wide, t, scope).to(x.scalar_type());
  }
  return affine_(wide * (running_var_.get() + options_.eps).rsqrt()).to(x.scalar_type());
}

void UnifiedNorm::gradients_ready(const StepContext& step) {
  agree_on_state({running_var_.get(), ema_gz_.get(), buffer_x2_.get(), buffer_gz_.get(), skip_counter_.get()},
                 options_.statistics, step);
}

std::optional<Fold> UnifiedNorm::fold() const { return affine_.after({}, (running_var_.get() + options_.eps).rsqrt()); }

int64_t UnifiedNorm::macs(int64_t tokens) const { return normalization_macs(options_.channels, tokens, true); }

std::map<std::string, double> UnifiedNorm::stats() const {
  std::map<std::string, double> stats;
  affine_.add_stats(stats);
  add_value_stats(stats, "running_var", running_var_.get());
  stats["skips"] = skip_counter_.get().item<double>();
  stats["iters"] = static_cast<double>(iters_.get().item<int64_t>());
  return stats;
}

}  // namespace autonorm::norms
