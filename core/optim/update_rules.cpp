#include "core/optim/update_rules.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_fused_adam.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <cmath>

namespace autonorm::optim {
namespace {

using config::OptimizerKind;

void adamw(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  at::_fused_adamw_(group.parameters, group.gradients, group.first, group.second, /*max_exp_avg_sqs=*/{}, group.steps,
                    update.lr * group.rate, config.beta1, config.beta2, group.weight_decay, config.adam_eps,
                    /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/update.divisor);
}

void adam(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  at::_fused_adam_(group.parameters, group.gradients, group.first, group.second, /*max_exp_avg_sqs=*/{}, group.steps,
                   update.lr * group.rate, config.beta1, config.beta2, group.weight_decay, config.adam_eps,
                   /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/update.divisor);
}

// A buffer of zeros at the first step is what the kernel would make of the first gradient anyway.
void sgd(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  at::_fused_sgd_(group.parameters, group.gradients, group.first, group.weight_decay, config.momentum,
                  update.lr * group.rate, /*dampening=*/0.0, config.nesterov, /*maximize=*/false,
                  /*is_first_step=*/false, /*grad_scale=*/update.divisor);
}

// `factor` · ‖p‖ / ‖u‖, 1 where either norm is 0. []
at::Tensor trust_ratio(const at::Tensor& parameter, const at::Tensor& direction, double factor = 1.0) {
  const at::Tensor size = parameter.norm(), length = direction.norm();  // []
  return at::where((size > 0).logical_and(length > 0), factor * size / length, at::ones_like(size));
}

void lamb(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  const auto t = static_cast<double>(update.step);
  const double first_left = 1.0 - std::pow(config.beta1, t), second_left = 1.0 - std::pow(config.beta2, t);
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    at::Tensor &p = group.parameters[i], &m = group.first[i], &v = group.second[i];  // all of p's shape
    const at::Tensor g = update.divisor ? group.gradients[i] / *update.divisor : group.gradients[i];
    m.mul_(config.beta1).add_(g, 1.0 - config.beta1);
    v.mul_(config.beta2).addcmul_(g, g, 1.0 - config.beta2);
    at::Tensor direction = (m / first_left) / (v.sqrt() / std::sqrt(second_left) + config.adam_eps);
    if (group.weight_decay != 0) {
      direction.add_(p, group.weight_decay);
      direction.mul_(trust_ratio(p, direction));
    }
    p.add_(direction, -update.lr * group.rate);
  }
}

void lars(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    at::Tensor &p = group.parameters[i], &b = group.first[i];  // both of p's shape
    at::Tensor direction = update.divisor ? group.gradients[i] / *update.divisor : group.gradients[i];
    if (group.weight_decay != 0) direction = direction.add(p, group.weight_decay);
    if (group.decays) direction = direction * trust_ratio(p, direction, config.trust);
    b.mul_(config.momentum).add_(direction);
    p.add_(b, -update.lr * group.rate);
  }
}

}  // namespace

void apply_update(const config::TrainConfig& config, ParameterGroup& group, const Update& update) {
  switch (config.optimizer) {
    case OptimizerKind::kAdamW:
      return adamw(config, group, update);
    case OptimizerKind::kAdam:
      return adam(config, group, update);
    case OptimizerKind::kSgd:
      return sgd(config, group, update);
    case OptimizerKind::kLamb:
      return lamb(config, group, update);
    case OptimizerKind::kLars:
      return lars(config, group, update);
  }
}

std::vector<const char*> remembered(const config::TrainConfig& config) {
  if (config.optimizer == OptimizerKind::kLars) return {"lars.momentum."};
  if (config.optimizer != OptimizerKind::kSgd) return {"adam.exp_avg.", "adam.exp_avg_sq."};
  return config.momentum > 0 ? std::vector<const char*>{"sgd.momentum."} : std::vector<const char*>();
}

}  // namespace autonorm::optim
