// InstanceNorm (Ulyanov et al. 2016) over tokens:  y = (x − μ) / √(σ² + eps) ⊙ weight + bias;  μ, σ² of a sample and
// channel over its N tokens; σ² biased, or with N − 1 as in DTN's normkit.
//
// Shapes  x, y: [B, N, C], N > 1   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function. No running statistics.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct InstanceNormOptions {
  int64_t channels = 0;   // C, > 0
  double eps = 1e-5;      // added to the variance, > 0
  bool affine = true;     // learn weight and bias
  bool unbiased = false;  // divide by N − 1
};

class InstanceNorm final : public Norm {
 public:
  InstanceNorm(const InstanceNormOptions& options, ParameterTable& table);  // registers "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const InstanceNormOptions options_;
  Affine affine_;
};

}  // namespace autonorm::norms
