#include "core/norms/gate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "core/base/status.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {
namespace {

// scores [B, K] → one-hot of the largest in each row; the first one wins a tie. Decided on the device.
at::Tensor one_hot_of_largest(const at::Tensor& scores) {
  return at::zeros_like(scores).scatter(1, scores.argmax(1, /*keepdim=*/true), 1.0);
}

}  // namespace

Gate::Gate(const GateOptions& options, const std::string& site, ParameterTable& table)
    : options_(options), noise_(table.seed(), site) {
  if (options_.hidden == 0) options_.hidden = std::max<int64_t>(1, options_.channels / 2);
  if (options_.kind != config::Gate::kSoftmax && options_.kind != config::Gate::kGumbel) return;
  const double bound1 = 1.0 / std::sqrt(static_cast<double>(options_.channels));
  const double bound2 = 1.0 / std::sqrt(static_cast<double>(options_.hidden));
  fc1_weight_ = table.add("fc1.weight", {options_.hidden, options_.channels}, {Init::kUniform, bound1});
  fc1_bias_ = table.add("fc1.bias", {options_.hidden}, {Init::kUniform, bound1});
  fc2_weight_ = table.add("fc2.weight", {options_.branches, options_.hidden}, {Init::kUniform, bound2});
  fc2_bias_ = table.add("fc2.bias", {options_.branches}, {Init::kUniform, bound2});
}

at::Tensor Gate::weights(const at::Tensor& x, const StepContext& step) const {
  switch (options_.kind) {
    case config::Gate::kSoftmax:
      return logits(x).softmax(-1);
    case config::Gate::kGumbel:
      return gumbel(x, step);
    case config::Gate::kRandom:
      return random(x, step);
    case config::Gate::kFixed:
      break;
  }
  check_failed("kind != fixed", __FILE__, __LINE__, "a fixed gate has no weights to compute");
}

at::Tensor Gate::logits(const at::Tensor& x) const {
  const at::Tensor pooled = x.mean(1);                                                      // [B, C]
  const at::Tensor hidden = at::linear(pooled, fc1_weight_.get(), fc1_bias_.get()).relu();  // [B, H]
  return at::linear(hidden, fc2_weight_.get(), fc2_bias_.get());                            // [B, K]
}

at::Tensor Gate::gumbel(const at::Tensor& x, const StepContext& step) const {
  const at::Tensor scores = logits(x);
  if (!step.training && options_.at_eval == config::GateEval::kExpected) return one_hot_of_largest(scores);
  const at::Tensor noise = noise_.gumbel(step, x.size(0), options_.branches).to(x.options());  // [B, K]
  const at::Tensor soft = ((scores + noise) / options_.tau).softmax(-1);
  if (!options_.hard) return soft;
  return one_hot_of_largest(soft.detach()) - soft.detach() + soft;
}

at::Tensor Gate::random(const at::Tensor& x, const StepContext& step) const {
  if (!step.training && options_.at_eval == config::GateEval::kExpected) {
    return at::full({x.size(0), options_.branches}, 1.0 / static_cast<double>(options_.branches), x.options());
  }
  return noise_.simplex(step, x.size(0), options_.branches).to(x.options());
}

int64_t Gate::macs(int64_t tokens) const {
  if (!fc1_weight_) return 0;
  return linear_macs(options_.channels, options_.hidden, 1) + linear_macs(options_.hidden, options_.branches, 1) +
         pool_macs(options_.channels, tokens);
}

}  // namespace autonorm::norms
