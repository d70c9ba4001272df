#include "core/norms/gate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "core/base/status.h"
#include "core/norms/mac_rules.h"

namespace autonorm::norms {
namespace {

using config::Gate::kGumbel;
using config::Gate::kSigmoid;
using config::Gate::kSoftmax;
using config::Gate::kStatic;

// Places in GateParameters, in the order of registration.
enum Place : size_t { kWeight = 0, kBias = 1, kSecondWeight = 2, kSecondBias = 3 };

// scores [..., K] → one-hot of the largest; the first one wins a tie. Decided on the device.
at::Tensor one_hot_of_largest(const at::Tensor& scores) {
  return at::zeros_like(scores).scatter(-1, scores.argmax(-1, /*keepdim=*/true), 1.0);
}

}  // namespace

Gate::Gate(const GateOptions& options, const std::string& site, ParameterTable& table)
    : options_(options), noise_(table.seed(), site), parameters_(options.freeze, table) {
  if (options_.hidden == 0) options_.hidden = std::max<int64_t>(1, options_.channels / 2);
  add_parameters();
}

void Gate::add_parameters() {
  const double over_channels = 1.0 / std::sqrt(static_cast<double>(options_.channels));
  const double over_hidden = 1.0 / std::sqrt(static_cast<double>(options_.hidden));
  switch (options_.kind) {
    case kSoftmax:
    case kGumbel:
      parameters_.add("fc1.weight", {options_.hidden, options_.channels}, {Init::kUniform, over_channels});
      parameters_.add("fc1.bias", {options_.hidden}, {Init::kUniform, over_channels});
      parameters_.add("fc2.weight", {outputs() * options_.branches, options_.hidden}, {Init::kUniform, over_hidden});
      parameters_.add("fc2.bias", {outputs() * options_.branches}, {Init::kUniform, over_hidden});
      return;
    case kSigmoid:
      parameters_.add("fc.weight", {outputs(), options_.channels}, {Init::kUniform, over_channels});
      parameters_.add("fc.bias", {outputs()}, {Init::kUniform, over_channels});
      return;
    case kStatic:
      parameters_.add("logits", {outputs() * options_.branches}, {Init::kZeros});
      return;
    case config::Gate::kRandom:
    case config::Gate::kFixed:
      return;
  }
}

// What the gate looks at: [B, C], or x itself.
at::Tensor Gate::seen(const at::Tensor& x) const {
  if (by_token()) return x;
  return options_.input == config::GateInput::kCls ? x.select(1, 0) : x.mean(1);
}

// values of seen(x)'s positions → [B, N or 1, C or 1, last]
at::Tensor Gate::shaped(const at::Tensor& values, const at::Tensor& x, int64_t last) const {
  return values.reshape({x.size(0), by_token() ? x.size(1) : 1, outputs(), last});
}

at::Tensor Gate::logits(const at::Tensor& x) const {
  if (options_.kind == kStatic) return parameters_.get(kWeight).reshape({1, 1, outputs(), options_.branches});
  const at::Tensor hidden = at::linear(seen(x), parameters_.get(kWeight), parameters_.get(kBias)).relu();
  const at::Tensor scores = at::linear(hidden, parameters_.get(kSecondWeight), parameters_.get(kSecondBias));
  return shaped(scores, x, options_.branches);
}

GateWeights Gate::weights(const at::Tensor& x, const StepContext& step) {
  AUTONORM_CHECK(options_.kind != config::Gate::kFixed, "a fixed gate has no weights to compute");
  if (options_.kind == config::Gate::kRandom) return {.weights = random(x, step), .probabilities = {}};
  GateWeights result;
  if (options_.kind == kSigmoid) {
    const at::Tensor second =
        shaped(at::linear(seen(x), parameters_.get(kWeight), parameters_.get(kBias)).sigmoid(), x, 1);
    result.probabilities = at::cat({1 - second, second}, -1);
  } else {
    const at::Tensor scores = logits(x);
    result.probabilities = scores.softmax(-1);
    if (options_.kind == kGumbel) result.weights = gumbel(scores, x, step);
  }
  if (options_.kind == kGumbel) last_tau_ = tau_at(step);
  if (!result.weights.defined()) result.weights = result.probabilities;
  if (step.training && parameters_.has_rule()) parameters_.note(entropy(result.probabilities));
  return result;
}

double Gate::tau_at(const StepContext& step) const {
  const double done =
      std::min(1.0, static_cast<double>(step.step) / static_cast<double>(std::max<int64_t>(1, step.total_steps - 1)));
  switch (options_.anneal) {
    case config::Anneal::kLinear:
      return options_.tau + (options_.tau_end - options_.tau) * done;
    case config::Anneal::kExponential:
      return options_.tau * std::pow(options_.tau_end / options_.tau, done);
    case config::Anneal::kNone:
      break;
  }
  return options_.tau;
}

at::Tensor Gate::gumbel(const at::Tensor& scores, const at::Tensor& x, const StepContext& step) const {
  if (!step.training && options_.at_eval == config::GateEval::kExpected) return one_hot_of_largest(scores);
  const int64_t positions = (by_token() ? x.size(1) : 1) * outputs();
  const at::Tensor noise =
      shaped(noise_.gumbel(step, x.size(0), positions, options_.branches).to(x.options()), x, options_.branches);
  const at::Tensor soft = ((scores + noise) / tau_at(step)).softmax(-1);
  if (!options_.hard) return soft;
  return one_hot_of_largest(soft.detach()) - soft.detach() + soft;
}

at::Tensor Gate::random(const at::Tensor& x, const StepContext& step) const {
  const int64_t branches = options_.branches;
  if (!step.training && options_.at_eval == config::GateEval::kExpected) {
    return at::full({1, 1, 1, branches}, 1.0 / static_cast<double>(branches), x.options());
  }
  if (options_.granularity == config::Granularity::kLayer) {
    StepContext first = step;  // the numbers of sample 0 are everyone's
    first.samples = nullptr;
    return noise_.simplex(first, 1, 1, branches).to(x.options()).reshape({1, 1, 1, branches});
  }
  const int64_t positions = (by_token() ? x.size(1) : 1) * outputs();
  return shaped(noise_.simplex(step, x.size(0), positions, branches).to(x.options()), x, branches);
}

int64_t Gate::macs(int64_t tokens) const {
  if (!config::reads_input(options_.kind)) return 0;
  const int64_t positions = by_token() ? tokens : 1;
  const bool pools = !by_token() && options_.input == config::GateInput::kMean;
  const int64_t pooling = pools ? pool_macs(options_.channels, tokens) : 0;
  if (options_.kind == kSigmoid) return linear_macs(options_.channels, outputs(), positions) + pooling;
  return linear_macs(options_.channels, options_.hidden, positions) +
         linear_macs(options_.hidden, outputs() * options_.branches, positions) + pooling;
}

void Gate::add_stats(std::map<std::string, double>& stats) const {
  if (options_.anneal != config::Anneal::kNone && last_tau_ > 0) stats["gate_tau"] = last_tau_;
  if (parameters_.has_rule()) stats["gate_frozen"] = parameters_.frozen() ? 1.0 : 0.0;
}

at::Tensor entropy(const at::Tensor& weights) {
  constexpr double kSmallest = 1e-30;  // a weight of 0 has no finite slope
  return -(weights * weights.clamp_min(kSmallest).log()).sum(-1).mean(at::IntArrayRef{1, 2});
}

}  // namespace autonorm::norms
