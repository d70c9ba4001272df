#include "core/norms/adyt.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "core/kernels/norms.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/value_stats.h"

namespace autonorm::norms {

Adyt::Adyt(const AdytOptions& options, ParameterTable& table)
    : options_(options),
      alpha_(table.add("alpha", {1}, {Init::kConstant, options.alpha0})),
      affine_(table, options.channels, affine_parts(options.affine)),
      grad_norm_(table.add_buffer("grad_norm", {1}, 1.0)) {
  table.add_stateful(*this);
}

at::Tensor Adyt::unclamped() const {
  return alpha_.get() * ((grad_norm_.get() + options_.eps).reciprocal() * options_.lambda + 1);
}

at::Tensor Adyt::forward(const at::Tensor& x, const StepContext&) {
  const NoAutocast guard;
  const at::Tensor alpha = unclamped().clamp(options_.alpha_min, options_.alpha_max);  // [1]
  return kernels::dyt(x, alpha, affine_.weight(), affine_.bias());
}

at::Tensor Adyt::bounded(const at::Tensor& x) const {
  return (to_compute(x) * unclamped().clamp(options_.alpha_min, options_.alpha_max)).tanh();
}

void Adyt::gradients_ready(const StepContext&) {
  const at::NoGradGuard no_grad;
  at::Tensor squares;  // []
  for (const std::optional<at::Tensor>& parameter : {std::optional(alpha_.get()), affine_.weight(), affine_.bias()}) {
    if (!parameter) continue;
    const at::Tensor& gradient = parameter->grad();
    if (!gradient.defined()) continue;  // frozen
    const at::Tensor square = gradient.square().sum();
    squares = squares.defined() ? squares + square : square;
  }
  if (squares.defined()) grad_norm_.get().mul_(options_.beta_g).add_(squares.sqrt(), 1.0 - options_.beta_g);
}

// The source's counter does not see element-wise functions.
int64_t Adyt::macs(int64_t) const { return 0; }

std::map<std::string, double> Adyt::stats() const {
  std::map<std::string, double> stats;
  add_value_stats(stats, "alpha", alpha_.get());
  affine_.add_stats(stats);
  const at::Tensor alpha = unclamped().detach();
  const at::Tensor clamped = alpha.clamp(options_.alpha_min, options_.alpha_max);
  stats["alpha_effective"] = clamped.item<double>();
  stats["grad_norm"] = grad_norm_.get().item<double>();
  stats["clamped"] = at::equal(alpha, clamped) ? 0.0 : 1.0;
  return stats;
}

}  // namespace autonorm::norms
