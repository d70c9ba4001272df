// ScaleNorm (Nguyen & Salazar 2019):  y = g ⊙ x / max(‖x‖₂, eps),  ‖x‖₂ over the C channels of a token.
//
// Shapes  x, y: [B, N, C]   gain: [1], or [C] per channel, initially √C
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/norm.h"

namespace autonorm::norms {

struct ScaleNormOptions {
  int64_t channels = 0;      // C, > 0
  double eps = 1e-5;         // smallest length to divide by, > 0
  bool affine = true;        // learn the gain, else 1
  bool per_channel = false;  // a gain for each channel, as DTN's code has it
};

class ScaleNorm final : public Norm {
 public:
  ScaleNorm(const ScaleNormOptions& options, ParameterTable& table);  // registers "gain"
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;

 private:
  const ScaleNormOptions options_;
  ParameterSlot gain_;  // [1] or [C]; empty when !affine
};

}  // namespace autonorm::norms
