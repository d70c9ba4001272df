#include "core/optim/weight_average.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>

#include <algorithm>

namespace autonorm::optim {

WeightAverage::WeightAverage(const config::TrainConfig& config, const norms::ParameterTable& table)
    : decay_(config.ema), start_(config.ema_start) {
  if (decay_ == 0) return;
  for (const norms::Parameter& parameter : table.parameters()) {
    if (!parameter.trainable) continue;
    weights_.push_back(parameter.value.detach());
    values_.push_back(weights_.back().clone());
    averages_.push_back({"ema." + parameter.name, values_.back()});
  }
}

void WeightAverage::update(int64_t step) {
  if (!on()) return;
  const at::NoGradGuard no_grad;
  const auto t = static_cast<double>(step);
  const double decay = start_ == config::EmaStart::kRamp ? std::min(decay_, (1.0 + t) / (10.0 + t)) : decay_;
  at::_foreach_lerp_(values_, weights_, 1.0 - decay);
}

void WeightAverage::swap() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < values_.size(); ++i) {
    const at::Tensor weight = weights_[i].clone();
    weights_[i].copy_(values_[i]);
    values_[i].copy_(weight);
  }
}

void WeightAverage::adopt() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < values_.size(); ++i) weights_[i].copy_(values_[i]);
}

}  // namespace autonorm::optim
