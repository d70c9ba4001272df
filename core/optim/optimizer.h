// The configured optimizer (update_rules.h) over the trainable parameters of a table, one call per group of parameters
// with one weight decay and one rate (a factor on lr; layer_decay.h). Parameters whose `decay` is false (ndim ≤ 1) form
// the group without weight decay, unless decay_all is configured.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"
#include "core/optim/named_tensor.h"
#include "core/optim/update_rules.h"

namespace autonorm::optim {

class Optimizer {
 public:
  // Takes the tensors that `table` holds now, so after to_device(). What is remembered starts at 0. `depth`: blocks of
  // the model, for layer_decay.
  Optimizer(const config::TrainConfig& config, const norms::ParameterTable& table, int64_t depth = 0);

  // One update from each parameter's grad(), clipped to `clip` in global L2 norm when clip > 0 (factor min(1, clip /
  // (norm + 1e-6)), applied on the device). REQUIRES every grad() to be defined. Does not synchronise with the device.
  // Gradients may be overwritten.
  void step(double lr, double clip);
  // Forgets gradients, so that the next backward pass writes instead of adding.
  void clear_gradients();

  // Updates done; sets the bias correction.
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps);
  // What it remembers between steps, in table order.
  const std::vector<NamedTensor>& state() const { return state_; }

 private:
  ParameterGroup& group_of(bool decays, double rate);
  std::optional<at::Tensor> clip_divisor(double clip) const;

  const config::TrainConfig config_;
  int64_t steps_ = 0;
  at::Tensor step_tensor_;  // [] float32 on the parameters' device; shared by all parameters
  std::vector<NamedTensor> state_;
  std::vector<ParameterGroup> groups_;
};

}  // namespace autonorm::optim
