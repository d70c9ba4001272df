#include "core/optim/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <functional>

#include "core/base/status.h"
#include "core/optim/layer_decay.h"

namespace autonorm::optim {

Optimizer::Optimizer(const config::TrainConfig& config, const norms::ParameterTable& table, int64_t depth)
    : config_(config) {
  const std::vector<const char*> prefixes = remembered(config);
  for (const norms::Parameter& parameter : table.parameters()) {
    if (!parameter.trainable) continue;
    if (!step_tensor_.defined()) {
      step_tensor_ = at::zeros({}, at::TensorOptions(at::kFloat).device(parameter.value.device()));
    }
    const double rate = config.layer_decay == 1 ? 1.0 : layer_rate(config.layer_decay, depth, parameter.name);
    ParameterGroup& group = group_of(parameter.decay || config.decay_all, rate);
    group.parameters.push_back(parameter.value);
    group.steps.push_back(step_tensor_);
    std::vector<at::Tensor>* const moments[] = {&group.first, &group.second};
    for (size_t i = 0; i < prefixes.size(); ++i) {
      state_.push_back({prefixes[i] + parameter.name, at::zeros_like(parameter.value.detach())});
      moments[i]->push_back(state_.back().value);
    }
  }
  // The sums of a clipped norm follow this order.
  std::ranges::stable_sort(groups_, std::ranges::greater(), &ParameterGroup::decays);
  for (ParameterGroup& group : groups_) group.gradients.resize(group.parameters.size());
}

ParameterGroup& Optimizer::group_of(bool decays, double rate) {
  for (ParameterGroup& group : groups_) {
    if (group.decays == decays && group.rate == rate) return group;
  }
  groups_.push_back({.decays = decays,
                     .weight_decay = decays ? config_.weight_decay : 0.0,
                     .rate = rate,
                     .parameters = {},
                     .gradients = {},
                     .first = {},
                     .second = {},
                     .steps = {}});
  return groups_.back();
}

void Optimizer::step(double lr, double clip) {
  const at::NoGradGuard no_grad;
  for (ParameterGroup& group : groups_) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      group.gradients[i] = group.parameters[i].grad();
      AUTONORM_CHECK(group.gradients[i].defined(), "a trainable parameter got no gradient");
    }
  }
  const std::optional<at::Tensor> divisor = clip_divisor(clip);
  if (step_tensor_.defined()) step_tensor_ += 1;
  ++steps_;
  for (ParameterGroup& group : groups_) apply_update(config_, group, {.lr = lr, .step = steps_, .divisor = divisor});
}

// [] float32, ≥ 1
std::optional<at::Tensor> Optimizer::clip_divisor(double clip) const {
  if (clip <= 0.0 || groups_.empty()) return std::nullopt;
  std::vector<at::Tensor> norms;
  for (const ParameterGroup& group : groups_) {
    for (at::Tensor& norm : at::_foreach_norm(group.gradients, 2)) norms.push_back(std::move(norm));
  }
  constexpr double kNormEps = 1e-6;
  const at::Tensor total = at::stack(norms).norm();
  return ((total + kNormEps) / clip).clamp_min(1.0).to(at::kFloat);
}

void Optimizer::clear_gradients() {
  for (ParameterGroup& group : groups_) {
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
    for (at::Tensor& gradient : group.gradients) gradient.reset();
  }
}

void Optimizer::set_steps(int64_t steps) {
  steps_ = steps;
  if (step_tensor_.defined()) step_tensor_.fill_(static_cast<double>(steps));
}

}  // namespace autonorm::optim
