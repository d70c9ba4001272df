// Finite differences in float64: the oracle for every backward pass.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <functional>
#include <vector>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"

namespace autonorm::conformance {

// Largest |analytic − numerical| over all elements of `x`, relative to 1 + |numerical|. `loss` maps tensors that share
// memory with x to a scalar; x is float64 and requires grad. Central differences, step 1e-6: errors of a correct
// gradient stay below about 1e-8.
inline double gradient_error(at::Tensor x, const std::function<at::Tensor()>& loss) {
  constexpr double kStep = 1e-6;
  x.mutable_grad().reset();
  loss().backward();
  const at::Tensor analytic = x.grad().detach().contiguous().clone();
  x.mutable_grad().reset();
  const at::NoGradGuard no_grad;
  double* value = x.mutable_data_ptr<double>();
  const double* gradient = analytic.const_data_ptr<double>();
  double worst = 0.0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double original = value[i];
    value[i] = original + kStep;
    const double above = loss().item<double>();
    value[i] = original - kStep;
    const double below = loss().item<double>();
    value[i] = original;
    const double numerical = (above - below) / (2.0 * kStep);
    worst = std::max(worst, std::abs(gradient[i] - numerical) / (1.0 + std::abs(numerical)));
  }
  return worst;
}

// The buffers of a table as they are now: a forward pass that moves them is repeated from the same state.
class SavedState {
 public:
  explicit SavedState(norms::ParameterTable& table) : table_(table) {
    for (const norms::Buffer& buffer : table.buffers()) values_.push_back(buffer.value.clone());
  }
  void restore() const {
    for (size_t i = 0; i < values_.size(); ++i) table_.buffers()[i].value.copy_(values_[i]);
  }

 private:
  norms::ParameterTable& table_;
  std::vector<at::Tensor> values_;
};

// Whose backward pass is a smoothed estimate, no derivative (arXiv 2208.01313); their steps are in tests/parity.
inline bool estimates_gradient(config::NormKind kind) {
  return kind == config::NormKind::kUnified || kind == config::NormKind::kPowerNorm;
}

}  // namespace autonorm::conformance
