// LayerNorm (Ba, Kiros, Hinton 2016):  y = (x − μ) / √(σ² + eps) ⊙ weight + bias;  μ, σ² over the C channels of a
// token, biased.
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct LayerNormOptions {
  int64_t channels = 0;  // C, > 0
  double eps = 1e-5;     // added to the variance, > 0
  bool affine = true;    // learn weight and bias
};

class LayerNorm final : public Norm {
 public:
  LayerNorm(const LayerNormOptions& options, ParameterTable& table);  // registers "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  const Affine& affine() const { return affine_; }
  double eps() const { return options_.eps; }
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const LayerNormOptions options_;
  Affine affine_;
};

}  // namespace autonorm::norms
