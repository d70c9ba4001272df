// Scale, the branch that the AutoNorm project calls "DyT":  y = alpha ⊙ x. Linear, no tanh, no bias, no statistics.
//
// Shapes  x, y: [B, N, C]   alpha: [1, C], initially 1 (two-dimensional, so weight decay applies to it as in the
// source) Dtype   as compute_dtype.h State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

class Scale final : public Norm {
 public:
  Scale(int64_t channels, ParameterTable& table);  // registers "alpha"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;

 private:
  ParameterSlot alpha_;  // [1, C]
};

}  // namespace autonorm::norms
