// Scale, the branch that the AutoNorm project calls "DyT":  y = alpha ⊙ x. Linear, no tanh, no bias, no statistics.
//
// Shapes  x, y: [B, N, C]   alpha: [1, C], initially 1 (two-dimensional, so weight decay applies to it as in the
//         source); scalar: [1], what language models with Dynamic Tanh learn after their embedding, initially √C
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

struct ScaleOptions {
  int64_t channels = 0;  // C, > 0
  bool scalar = false;   // one alpha for all channels
  double scale0 = 1;     // initial alpha; 0 = √C
};

class Scale final : public Norm {
 public:
  Scale(const ScaleOptions& options, ParameterTable& table);  // registers "alpha"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;

 private:
  const ScaleOptions options_;
  ParameterSlot alpha_;  // [1, C] or [1]
};

}  // namespace autonorm::norms
