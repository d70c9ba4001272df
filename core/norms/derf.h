// Derf and its zoo (arXiv 2512.10938):  y = weight ⊙ f(alpha · x + shift) + bias,  f of squash.h, erf by default
//
// Shapes  x, y: [B, N, C]   alpha, shift: [1], initially alpha0 and 0   weight, bias: [C], initially 1 and 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct DerfOptions {
  int64_t channels = 0;  // C, > 0
  double alpha0 = 0.5;
  config::Squash function = config::Squash::kErf;
  bool shift = true;   // learn the shift
  bool affine = true;  // learn weight and bias; diffusion models, and folded ones, leave them out
};

class Derf final : public Norm {
 public:
  Derf(const DerfOptions& options, ParameterTable& table);  // registers "alpha", "shift", "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  at::Tensor bounded(const at::Tensor& x) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }

 private:
  const config::Squash function_;
  ParameterSlot alpha_;  // [1]
  ParameterSlot shift_;  // [1]; empty without shift
  Affine affine_;
};

}  // namespace autonorm::norms
