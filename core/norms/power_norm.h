// PowerNorm (Shen et al. 2020), as in DTN's normkit. x is first divided by the root mean square of each group of C/G
// channels of a token. Then, at training forward number t with q = mean over valid tokens of x² per channel:
//
//   z = x / √(q + eps)                        t ≤ warmup
//     = x / √(running_phi + eps)              t > warmup, with the value before this update
//   running_phi ← running_phi·(t−1)/t + q/t   t < warmup;   then always  ← a_f·running_phi + (1 − a_f)·q
//   y = z ⊙ weight + bias
// Backward, an estimate and no derivative: g = weight ⊙ dy;  ĝ = g − (1 − a_b)·ema_gz ⊙ z;
//   ema_gz ← ema_gz + mean over tokens of ĝ ⊙ z;  dx = ĝ / √(running_phi + eps), the updated one, for t ≥ warmup, else
//   ĝ / √(q + eps)
// Evaluation: y = x / √(running_phi + eps) ⊙ weight + bias. That the two switch at different t is the source's.
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   running_phi [C] 1, ema_gz [C] 0, iters: once per micro-batch
// Ranks   q and the mean of ĝ ⊙ z as q and gz in unified_norm.h
// Mask    padded tokens leave q alone; they are normalized and count in the backward mean
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct PowerNormOptions {
  int64_t channels = 0;      // C, > 0
  double eps = 1e-5;         // > 0
  int64_t scale_groups = 1;  // G, divides C; 0 = no group scaling
  int64_t warmup_iters = 10000;
  double alpha_forward = 0.9, alpha_backward = 0.9;
  config::Statistics statistics = config::Statistics::kSynchronised;
};

class PowerNorm final : public Norm, public Stateful {
 public:
  PowerNorm(const PowerNormOptions& options, ParameterTable& table);  // registers "weight", "bias" and the state
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;
  bool meets_in_forward() const override { return true; }
  void gradients_ready(const StepContext& step) override;

 private:
  struct Backward;
  at::Tensor group_scaled(const at::Tensor& x) const;
  at::Tensor trained(const at::Tensor& scaled, const StepContext& step);
  at::Tensor evaluated(const at::Tensor& scaled) const;
  struct Scales {
    at::Tensor forward, backward;  // [C]
  };
  Scales advance(const at::Tensor& x, int64_t t, const StepContext& scope);

  const PowerNormOptions options_;
  Affine affine_;
  BufferSlot running_phi_, ema_gz_;  // [C]
  BufferSlot iters_;
};

}  // namespace autonorm::norms
