// Learning rate as a pure function of the step.
#pragma once
#include <cstdint>

#include "core/config/trial_config.h"

namespace autonorm::optim {

// lr of optimizer step `step` (0 … total_steps − 1). With W = ⌊warmup · total_steps⌋:
//   step < W         lr · step / W                                         (so the first step has 0)
//   cosine           lr · (1 + cos(π · (step − W) / (E − W))) / 2,  E = total_steps, or the steps of `horizon` epochs
//   constant         lr
//   cosine_epochs    lr · c(e),  c(e) = (1 + cos(π · e / epochs)) / 2,  throughout epoch e = 0, 1, …
//   learnable_scaler lr · .8 c(e) before half of the epochs, lr · c(e) from F = ⌊.66 epochs⌋ on, and between them the
//                    straight line from .8 c(epochs / 2) to c(F)
// `horizon`, if given, stands in the place of epochs. All but constant fall to min_lr in the place of 0.
double learning_rate(const config::TrainConfig& config, int64_t step, int64_t total_steps);

}  // namespace autonorm::optim
