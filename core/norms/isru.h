// DyISRU (Stollenwerk 2025, arXiv 2503.21708), RMSNorm's element-wise counterpart:
//   y = √C · x / √(beta + x²) ⊙ weight
//
// Shapes  x, y: [B, N, C]   beta: [1], initially beta0   weight: [C], initially 1
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
//
// beta is the sum of squares of a token's other channels in RMSNorm's formula, hence starts at C. A beta that training
// drives below 1e-6 acts as 1e-6 and gets no gradient, so that the root stays real.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct IsruOptions {
  int64_t channels = 0;  // C, > 0
  double beta0 = 0;      // 0 = C
  bool affine = true;    // learn weight
};

class Isru final : public Norm {
 public:
  Isru(const IsruOptions& options, ParameterTable& table);  // registers "beta", "weight"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const double root_;   // √C
  ParameterSlot beta_;  // [1]
  Affine affine_;
};

}  // namespace autonorm::norms
