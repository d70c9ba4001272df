// PRepBN (SLAB, ICML 2024), from LayerNorm to a re-parameterised BatchNorm:
//
//   RepBN(x) = BN(x) + eta · x
//   training    y = λ · LN(x) + (1 − λ) · RepBN(x);  evaluation  y = RepBN(x)
//   λ = lambda_start · left / decay_iters; left counts down from decay_iters to 0 by one per count, read first.
//   During the first warmup_iters counts y = LN(x), left stays and BN sees nothing.
//   A count is count_every micro-batches. Language models have RMSNorm in LN's place, start with eta = 0 and BN's
//   weight 0, and count every 16.
// Evaluation in the middle of training is of another function than the one in training.
//
// Shapes  x, y: [B, N, C]   ln.weight, bn.weight: [C] 1;  ln.bias, bn.bias: [C] 0 (rms.weight [C] 1 in LN's place);
//         eta: [1] 1
// Dtype   as compute_dtype.h
// State   BN's as in batch_norm.h; iters, the micro-batches seen
// Ranks, Mask   as batch_norm.h
#pragma once
#include "core/norms/batch_norm.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct PrepbnOptions {
  int64_t channels = 0;  // C, > 0
  double eps = 1e-5;     // of both, > 0
  double momentum = 0.1;
  config::Statistics statistics = config::Statistics::kSynchronised;
  int64_t warmup_iters = 0;
  int64_t decay_iters = 300000;  // > 0
  double lambda_start = 1.0;
  config::PrepbnFirst first = config::PrepbnFirst::kLayer;
  double eta0 = 1.0, batch_weight0 = 1.0;  // initial eta, and BN's initial weight
  int64_t count_every = 1;                 // > 0
};

class Prepbn final : public Norm, public Stateful {
 public:
  Prepbn(const PrepbnOptions& options, ParameterTable& table);  // registers "ln.…" or "rms.…", "bn.…", "eta", the state
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  bool meets_in_forward() const override { return true; }  // for the count of micro-batches
  void gradients_ready(const StepContext&) override {}
  // With "lambda", LN's share at the next training forward.
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;

 private:
  int64_t counts() const;
  double layer_share() const;
  at::Tensor rep_bn(const at::Tensor& x, const StepContext& step);

  const PrepbnOptions options_;
  std::unique_ptr<Norm> first_;  // LN or RMSNorm
  std::unique_ptr<BatchNorm> bn_;
  ParameterSlot eta_;  // [1]
  BufferSlot iters_;
};

}  // namespace autonorm::norms
