// AdamW (Loshchilov & Hutter 2019) over the trainable parameters of a table, one fused call per group of parameters
// with one weight decay and one rate (a factor on lr; layer_decay.h):
//   m ← β1 m + (1 − β1) g;  v ← β2 v + (1 − β2) g²;  p ← p − lr·wd·p − lr · (m / (1 − β1ᵗ)) / (√(v / (1 − β2ᵗ)) + ε)
// Parameters whose `decay` is false (ndim ≤ 1) form the group without weight decay, unless decay_all is configured.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/config/trial_config.h"
#include "core/norms/parameter_table.h"

namespace autonorm::optim {

class AdamW {
 public:
  // Takes the tensors that `table` holds now, so after to_device(). Moments start at 0. `depth`: blocks of the model,
  // for layer_decay.
  AdamW(const config::TrainConfig& config, const norms::ParameterTable& table, int64_t depth = 0);

  // One update from each parameter's grad(), clipped to `clip` in global L2 norm when clip > 0 (factor min(1, clip /
  // (norm + 1e-6)), applied on the device). REQUIRES every grad() to be defined. Does not synchronise with the device.
  // Gradients may be overwritten.
  void step(double lr, double clip);
  // Forgets gradients, so that the next backward pass writes instead of adding.
  void clear_gradients();

  // Updates done; sets the bias correction.
  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps);
  // First and second moments by parameter name, in table order. Writable in place: a checkpoint restores into them.
  struct Moments {
    std::string name;
    at::Tensor exp_avg, exp_avg_sq;
  };
  const std::vector<Moments>& moments() const { return moments_; }

 private:
  struct Group {
    bool decays = false;
    double weight_decay = 0, rate = 1;
    std::vector<at::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  };
  Group& group_of(bool decays, double rate);
  std::optional<at::Tensor> clip_divisor(double clip) const;

  const config::TrainConfig config_;
  int64_t steps_ = 0;
  at::Tensor step_tensor_;  // [] float32 on the parameters' device; shared by all parameters
  std::vector<Moments> moments_;
  std::vector<Group> groups_;
};

}  // namespace autonorm::optim
