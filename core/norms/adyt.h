// ADyT, Adaptive Dynamic Tanh (alim98/adyt @b135258):  y = weight ⊙ tanh(α · x) + bias,
//   α = clamp(alpha · (1 + lambda / (G + eps)), alpha_min, alpha_max)
// Clamped, the learned alpha gets no gradient.
//
// Shapes  x, y: [B, N, C]   alpha: [1], initially alpha0   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   grad_norm G [1], initially 1; once per optimizer step G ← beta_g · G + (1 − beta_g) · ‖[∂alpha; ∂weight;
// ∂bias]‖₂
//         of the gradients as reduced over ranks and micro-batches, before clipping and before the update: equal on all
//         ranks without traffic. Evaluation uses the same formula and leaves G alone.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct AdytOptions {
  int64_t channels = 0;  // C, > 0
  double alpha0 = 0.5;
  double lambda = 0.1;
  double beta_g = 0.99;
  double eps = 1e-6;  // > 0
  double alpha_min = 0.1, alpha_max = 2.0;
  bool affine = true;  // learn weight and bias
};

class Adyt final : public Norm, public Stateful {
 public:
  Adyt(const AdytOptions& options, ParameterTable& table);  // registers "alpha", "weight", "bias", state "grad_norm"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  at::Tensor bounded(const at::Tensor& x) const override;
  // With "alpha_effective", "grad_norm" and "clamped" (0 or 1).
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }
  void gradients_ready(const StepContext& step) override;

 private:
  at::Tensor unclamped() const;  // [1]

  const AdytOptions options_;
  ParameterSlot alpha_;  // [1]
  Affine affine_;
  BufferSlot grad_norm_;  // [1]
};

}  // namespace autonorm::norms
