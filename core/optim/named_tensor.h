// A tensor of an optimizer or a running average under its name in checkpoints. Shares the owner's memory: writable in
// place, so that a checkpoint can be restored into it.
#pragma once
#include <ATen/core/Tensor.h>

#include <string>

namespace autonorm::optim {

struct NamedTensor {
  std::string name;  // "adam.exp_avg.blocks.0.mlp.fc1.weight", "ema.head.bias"
  at::Tensor value;  // of the parameter's shape
};

}  // namespace autonorm::optim
