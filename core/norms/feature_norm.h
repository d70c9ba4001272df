// Feature normalizations, after the formulas of DN-ViT (normalization.md 3.8):
//
//   minmax       f(x) = (x − min) / ((max − min) + eps)
//   zscore       f(x) = (x − μ) / √(σ² + eps),  σ² with n − 1
//   feature_mix  f(x) = λ · zscore(x) + (1 − λ) · minmax(x),  λ = sigmoid(mix), learned
//   y = f(x) ⊙ weight + bias
//
// The statistics are over the channels of a token (as LayerNorm), the tokens of a sample (as InstanceNorm) or all
// tokens of a batch (as BatchNorm).
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0   mix: [1], initially 0
// Dtype   as compute_dtype.h
// State   batch axis: running_mean, running_var and running_min, running_max [C], initially 0 and 1, as in
// batch_norm.h;
//         else none. A minimum's gradient goes to few elements; detach_stats cuts it off.
// Ranks   as batch_norm.h
#pragma once
#include "core/norms/affine.h"
#include "core/norms/feature_stats.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct FeatureNormOptions {
  int64_t channels = 0;  // C, > 0
  config::NormKind kind = config::NormKind::kZscore;
  config::FeatureAxis axis = config::FeatureAxis::kChannel;
  double eps = 1e-5;                                                  // > 0
  bool affine = true;                                                 // learn weight and bias
  bool detach_stats = false;                                          // no gradient through the statistics
  double momentum = 0.1;                                              // batch axis
  config::Statistics statistics = config::Statistics::kSynchronised;  // batch axis
};

class FeatureNorm final : public Norm, public Stateful {
 public:
  // Registers "mix", "weight", "bias" and, for the batch axis, the state.
  FeatureNorm(const FeatureNormOptions& options, ParameterTable& table);
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override;
  bool meets_in_forward() const override { return batch_axis() && zscore_.over_ranks; }
  void gradients_ready(const StepContext& step) override;

 private:
  bool batch_axis() const { return options_.axis == config::FeatureAxis::kBatch; }
  bool has_zscore() const { return options_.kind != config::NormKind::kMinmax; }
  bool has_minmax() const { return options_.kind != config::NormKind::kZscore; }
  void add_state(ParameterTable& table);
  at::TensorOptions options_of_state() const;
  at::Tensor apply(const at::Tensor& x, FeatureStats stats) const;

  const FeatureNormOptions options_;
  FeatureRule zscore_, minmax_;
  ParameterSlot mix_;  // [1]; only feature_mix
  Affine affine_;
};

}  // namespace autonorm::norms
