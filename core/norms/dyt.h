// DyT, Dynamic Tanh (Zhu et al., CVPR 2025, arXiv 2503.10622):  y = weight ⊙ tanh(alpha · x) + bias
// Language models leave the bias out, diffusion models both.
//
// Shapes  x, y: [B, N, C]   alpha: [1], initially alpha0   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct DytOptions {
  int64_t channels = 0;  // C, > 0
  double alpha0 = 0.5;   // larger models and learning rates want smaller values
  bool affine = true;    // learn weight; diffusion models, and folded ones, leave it out
  bool bias = true;      // and bias
};

class Dyt final : public Norm {
 public:
  Dyt(const DytOptions& options, ParameterTable& table);  // registers "alpha", "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  const at::Tensor& alpha() const { return alpha_.get(); }
  const Affine& affine() const { return affine_; }
  int64_t macs(int64_t tokens) const override;
  at::Tensor bounded(const at::Tensor& x) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  ParameterSlot alpha_;  // [1]
  Affine affine_;
};

}  // namespace autonorm::norms
