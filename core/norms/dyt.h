// DyT, Dynamic Tanh (Zhu et al., CVPR 2025, arXiv 2503.10622):  y = weight ⊙ tanh(alpha · x) + bias
// Language models leave the bias out.
//
// Shapes  x, y: [B, N, C]   alpha: [1], initially alpha0   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

struct DytOptions {
  int64_t channels = 0;  // C, > 0
  double alpha0 = 0.5;   // larger models and learning rates want smaller values
  bool bias = true;      // learn bias
};

class Dyt final : public Norm {
 public:
  Dyt(const DytOptions& options, ParameterTable& table);  // registers "alpha", "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;

 private:
  ParameterSlot alpha_;          // [1]
  ParameterSlot weight_, bias_;  // [C]; bias empty without one
};

}  // namespace autonorm::norms
