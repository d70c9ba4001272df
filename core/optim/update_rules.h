// How the optimizers change parameters, from the clipped gradient g of update t (from 1) at the rate lr, with weight
// decay wd.
//
// adamw (Loshchilov & Hutter 2019):
//   m ← β1 m + (1 − β1) g;  v ← β2 v + (1 − β2) g²;  p ← p − lr·wd·p − lr · (m / (1 − β1ᵗ)) / (√(v / (1 − β2ᵗ)) + ε)
//
// adam (Kingma & Ba 2015): the same with g + wd·p in the place of g, and no other decay (L2).
//
// sgd: b ← μ b + g + wd·p;  p ← p − lr·b, or as Nesterov has it p ← p − lr·(g + wd·p + μ b)
//
// lamb (You et al. 2020): with u = adamw's quotient + wd·p,  p ← p − lr·r·u;  r = ‖p‖ / ‖u‖ for each parameter with
// weight decay, and 1 for the others and where a norm is 0.
//
// lars (You et al. 2017, as the MAE repository probes with it): d = g + wd·p, times trust · ‖p‖ / ‖d‖ for each
// parameter that weight decay is meant for, also where wd is 0 (1 in place of the product where a norm is 0);
//   b ← μ b + d;  p ← p − lr·b
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "core/config/trial_config.h"

namespace autonorm::optim {

// Parameters with one weight decay and one rate, all on one device. Vectors are of equal length.
struct ParameterGroup {
  bool decays = false;
  double weight_decay = 0;
  double rate = 1;  // factor on lr
  std::vector<at::Tensor> parameters, gradients;
  std::vector<at::Tensor> first, second;  // as many as are remembered(): m and v, b, or none
  std::vector<at::Tensor> steps;          // t for the fused kernels: one [] float32 tensor, once per parameter
};

struct Update {
  double lr = 0;
  int64_t step = 0;                   // t
  std::optional<at::Tensor> divisor;  // [] float32 on the device, of each gradient: how clipping costs no pass
};

// Writes parameters and what is remembered of them, in place. Gradients may be overwritten. Does not synchronise with
// the device. Call without recording gradients.
void apply_update(const config::TrainConfig& config, ParameterGroup& group, const Update& update);

// What a rule remembers of each parameter, in the order first, second: the prefix of its name in checkpoints.
std::vector<const char*> remembered(const config::TrainConfig& config);

}  // namespace autonorm::optim
