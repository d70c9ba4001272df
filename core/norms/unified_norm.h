// Unified Normalization (arXiv 2208.01313, normalization.md 3.4). At training forward number t, per channel:
//
//   q = mean over valid tokens of x²;  buffer_x2[t mod M] ← q
//   skip: t ≥ warmup, filtration, and in some channel AM − GM of buffer_x2 > M · Var(√buffer_x2 before this step);
//         then buffer_x2[t mod M] ← running_var, skip_counter + 1
//   v = q  while t ≤ M or t < warmup, or skip;  else GM of buffer_x2.   M = 1: always as if skipped, not counted
//   r = √(v + eps) / √(running_var + eps), clamped to [1/5, 5]; 1 while t ≤ max(1000, warmup), or skip
//   z = x / √(v + eps);  running_var ← decay·running_var + (1 − decay)·v;  y = z ⊙ weight + bias
// Backward, a smoothed estimate and no derivative: g = dy ⊙ weight · r;  gz = mean over tokens of g ⊙ z;
//   buffer_gz[t mod M_b] ← skip ? ema_gz : gz;  s = gz while t ≤ M_b or t < warmup, or skip; else AM of buffer_gz
//   ema_gz ← decay·ema_gz + (1 − decay)·s;  dx = (g − (skip ? s : ema_gz) ⊙ z) / √(v + eps);  ∂weight = Σ dy ⊙ r·z
// Evaluation: y = x / √(running_var + eps) ⊙ weight + bias.
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   running_var [C] 1, ema_gz [C] 0, buffer_x2 [M, C] 0, buffer_gz [M_b, C] 0, skip_counter [1] 0, iters:
//         once per micro-batch. t is on the host, the decision to skip on the device: nothing synchronises.
// Ranks   synchronised: q, gz and so the decision are over the tokens of all ranks. per_rank, rank_0: over each rank's
//         own; after every optimizer step the state is averaged over ranks, or is that of rank 0, so that all evaluate
//         and go on from one function. A rank without samples counts the micro-batch and leaves the rest of its state.
// Mask    padded tokens leave q alone; they are normalized and count in gz
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct UnifiedNormOptions {
  int64_t channels = 0;                     // C, > 0
  double eps = 1e-5;                        // > 0
  int64_t window = 4, window_backward = 4;  // M, M_b ≥ 1
  int64_t warmup_iters = 4000;
  double decay = 0.9;
  bool filtration = true;
  config::Statistics statistics = config::Statistics::kSynchronised;
};

class UnifiedNorm final : public Norm, public Stateful {
 public:
  UnifiedNorm(const UnifiedNormOptions& options, ParameterTable& table);  // registers "weight", "bias" and the state
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  // With "skips" and "iters".
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;
  bool meets_in_forward() const override { return true; }
  void gradients_ready(const StepContext& step) override;

 private:
  struct Backward;
  // What a training forward decides; on the device.
  struct Decision {
    at::Tensor var;    // [C] v
    at::Tensor ratio;  // [C] r
    at::Tensor skip;   // [] bool
  };
  Decision decide(const at::Tensor& square, int64_t t);
  at::Tensor outlier(const at::Tensor& spread) const;
  at::Tensor smoothed_gradient(const at::Tensor& gz, const at::Tensor& skip, int64_t t);
  at::Tensor trained(const at::Tensor& x, int64_t t, const StepContext& scope);

  const UnifiedNormOptions options_;
  Affine affine_;
  BufferSlot running_var_, ema_gz_;                  // [C]
  BufferSlot buffer_x2_, buffer_gz_, skip_counter_;  // [M, C], [M_b, C], [1]
  BufferSlot iters_;
};

}  // namespace autonorm::norms
