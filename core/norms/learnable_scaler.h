// LearnableScaler (nghiemtuan/LearnableScaler @1750860):  y = weight ⊙ x + bias. No statistics.
//
// Shapes  x, y: [B, N, C]; an image [B, C, H, W] as its H·W tokens   weight, bias: [C]
// Init    weight from N(0, 1) as in the published code, or 1; bias 0
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

struct LearnableScalerOptions {
  int64_t channels = 0;  // C, > 0
  config::ScalerInit init = config::ScalerInit::kNormal;
};

class LearnableScaler final : public Norm {
 public:
  LearnableScaler(const LearnableScalerOptions& options, ParameterTable& table);  // registers "weight", "bias"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;

 private:
  ParameterSlot weight_, bias_;  // [C]
};

}  // namespace autonorm::norms
