// BatchNorm over tokens (Ioffe & Szegedy 2015):  y = (x − μ) / √(σ² + eps) ⊙ weight + bias;  μ, biased σ² of a channel
// over all valid tokens of the micro-batch. Equal to BatchNorm1d of [B, C, N], without its transposes.
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   running_mean, running_var [C], initially 0 and 1: moved by `momentum` towards μ and the unbiased σ² at every
//         training forward (each micro-batch), used in their place at evaluation.
// Ranks   synchronised: statistics over the samples of all ranks, forward and backward. per_rank, rank_0: of each
// rank's
//         own; after every optimizer step running values are averaged over ranks, or are those of rank 0, so that all
//         ranks evaluate one function.
// Mask    padded tokens do not count in the statistics; they are normalized like the others.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct BatchNormOptions {
  int64_t channels = 0;   // C, > 0
  double eps = 1e-5;      // added to the variance, > 0
  bool affine = true;     // learn weight and bias
  double momentum = 0.1;  // weight of the new value
  config::Statistics statistics = config::Statistics::kSynchronised;
};

class BatchNorm final : public Norm, public Stateful {
 public:
  BatchNorm(const BatchNormOptions& options, ParameterTable& table);  // registers "weight", "bias" and the state
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;
  bool meets_in_forward() const override { return options_.statistics == config::Statistics::kSynchronised; }
  void gradients_ready(const StepContext& step) override;

 private:
  const BatchNormOptions options_;
  Affine affine_;
  BufferSlot running_mean_, running_var_;  // [C]
};

}  // namespace autonorm::norms
