#include "core/optim/adamw.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <functional>

#include "core/base/status.h"
#include "core/optim/layer_decay.h"

namespace autonorm::optim {

AdamW::AdamW(const config::TrainConfig& config, const norms::ParameterTable& table, int64_t depth) : config_(config) {
  for (const norms::Parameter& parameter : table.parameters()) {
    if (!parameter.trainable) continue;
    if (!step_tensor_.defined()) {
      step_tensor_ = at::zeros({}, at::TensorOptions(at::kFloat).device(parameter.value.device()));
    }
    const at::Tensor values = parameter.value.detach();
    moments_.push_back({parameter.name, at::zeros_like(values), at::zeros_like(values)});
    const double rate = config.layer_decay == 1 ? 1.0 : layer_rate(config.layer_decay, depth, parameter.name);
    Group& group = group_of(parameter.decay || config.decay_all, rate);
    group.parameters.push_back(parameter.value);
    group.exp_avgs.push_back(moments_.back().exp_avg);
    group.exp_avg_sqs.push_back(moments_.back().exp_avg_sq);
    group.steps.push_back(step_tensor_);
  }
  // The sums of a clipped norm follow this order.
  std::ranges::stable_sort(groups_, std::ranges::greater(), &Group::decays);
  for (Group& group : groups_) group.gradients.resize(group.parameters.size());
}

AdamW::Group& AdamW::group_of(bool decays, double rate) {
  for (Group& group : groups_) {
    if (group.decays == decays && group.rate == rate) return group;
  }
  groups_.push_back({.decays = decays,
                     .weight_decay = decays ? config_.weight_decay : 0.0,
                     .rate = rate,
                     .parameters = {},
                     .gradients = {},
                     .exp_avgs = {},
                     .exp_avg_sqs = {},
                     .steps = {}});
  return groups_.back();
}

void AdamW::step(double lr, double clip) {
  const at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      group.gradients[i] = group.parameters[i].grad();
      AUTONORM_CHECK(group.gradients[i].defined(), "a trainable parameter got no gradient");
    }
  }
  const std::optional<at::Tensor> divisor = clip_divisor(clip);
  if (step_tensor_.defined()) step_tensor_ += 1;
  ++steps_;
  for (Group& group : groups_) {
    at::_fused_adamw_(group.parameters, group.gradients, group.exp_avgs, group.exp_avg_sqs, /*max_exp_avg_sqs=*/{},
                      group.steps, lr * group.rate, config_.beta1, config_.beta2, group.weight_decay, config_.adam_eps,
                      /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/divisor);
  }
}

// The fused kernel divides each gradient by its grad_scale argument, so clipping costs no pass of its own: [] float32,
// ≥ 1.
std::optional<at::Tensor> AdamW::clip_divisor(double clip) const {
  if (clip <= 0.0 || groups_.empty()) return std::nullopt;
  std::vector<at::Tensor> norms;
  for (const Group& group : groups_) {
    for (at::Tensor& norm : at::_foreach_norm(group.gradients, 2)) norms.push_back(std::move(norm));
  }
  constexpr double kNormEps = 1e-6;
  const at::Tensor total = at::stack(norms).norm();
  return ((total + kNormEps) / clip).clamp_min(1.0).to(at::kFloat);
}

void AdamW::clear_gradients() {
  for (Group& group : groups_) {
    for (at::Tensor& parameter : group.parameters) parameter.mutable_grad().reset();
    for (at::Tensor& gradient : group.gradients) gradient.reset();
  }
}

void AdamW::set_steps(int64_t steps) {
  steps_ = steps;
  if (step_tensor_.defined()) step_tensor_.fill_(static_cast<double>(steps));
}

}  // namespace autonorm::optim
