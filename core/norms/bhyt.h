// BHyT, star form (arXiv 2601.09719):  y = weight ⊙ tanh(lambda · x / (kappa · √(mean_C(x²) + eps)))
//
// Shapes  x, y: [B, N, C]   lambda: [1], initially lambda0   weight: [C], initially 1
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct BhytOptions {
  int64_t channels = 0;  // C, > 0
  double eps = 1e-6;     // added to the mean square, > 0
  double lambda0 = 2.0;
  double kappa = 10.0;       // > 0
  bool affine = true;        // learn weight
  bool learn_lambda = true;  // the published code means to fix it in places and trains it everywhere
};

class Bhyt final : public Norm {
 public:
  Bhyt(const BhytOptions& options, ParameterTable& table);  // registers "lambda", "weight"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  at::Tensor bounded(const at::Tensor& x) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const BhytOptions options_;
  ParameterSlot lambda_;  // [1]
  Affine affine_;
};

}  // namespace autonorm::norms
