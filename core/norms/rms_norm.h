// RMSNorm (Zhang & Sennrich 2019):  y = x / √(mean_C(x²) + eps) ⊙ weight
//
// Shapes  x, y: [B, N, C]   weight: [C], initially 1
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct RmsNormOptions {
  int64_t channels = 0;  // C, > 0
  double eps = 1e-6;     // added to the mean square, > 0
  bool affine = true;    // learn weight
};

class RmsNorm final : public Norm {
 public:
  RmsNorm(const RmsNormOptions& options, ParameterTable& table);  // registers "weight"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const RmsNormOptions options_;
  Affine affine_;
};

}  // namespace autonorm::norms
