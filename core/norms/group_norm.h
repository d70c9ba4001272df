// GroupNorm (Wu & He 2018) over tokens, as in DTN's normkit:  y = (x − μ) / √(σ² + eps) ⊙ weight + bias;  μ, σ² of a
// sample over the C/G channels of a group and all N tokens, biased.
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct GroupNormOptions {
  int64_t channels = 0;  // C, > 0
  int64_t groups = 4;    // G, divides C
  double eps = 1e-5;     // added to the variance, > 0
  bool affine = true;    // learn weight and bias
};

class GroupNorm final : public Norm {
 public:
  // Registers "weight", "bias". REQUIRES: groups divides channels (core/config checks it).
  GroupNorm(const GroupNormOptions& options, ParameterTable& table);
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const GroupNormOptions options_;
  Affine affine_;
};

}  // namespace autonorm::norms
