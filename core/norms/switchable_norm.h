// Switchable Norm (Luo et al. 2019):  y = (x − μ) / √(σ² + eps) ⊙ weight + bias,  μ = Σ_k w_k μ_k,  σ² = Σ_k w'_k σ²_k,
//   w = softmax(mean_logits), w' = softmax(var_logits)
//
//   sample (the 2-D form)  k = IN, LN, BN. IN of a sample and channel over its tokens, σ² with N − 1; from it
//                          μ_ln = mean_C(μ_in), σ²_ln = mean_C(σ²_in + μ_in²) − μ_ln² of a sample, and likewise BN's
//                          over the samples of the batch
//   token (the 1-D form)   k = LN, BN. LN of a token over its channels, σ² with C − 1; BN over all tokens of the batch,
//                          σ² with n − 1
//
// Shapes  x, y: [B, N, C]   weight, bias: [C], initially 1 and 0   mean_logits, var_logits: [K], initially 1
// Dtype   as compute_dtype.h
// State   running_mean, running_var [C], initially 0: BN's at evaluation; `decay` weighs the old value.
// Ranks   as batch_norm.h, for BN's part
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct SwitchableNormOptions {
  int64_t channels = 0;  // C, > 0
  double eps = 1e-5;     // added to the mixed variance, > 0
  config::SwitchForm form = config::SwitchForm::kSample;
  double decay = 0.9;
  bool affine = true;  // learn weight and bias
  config::Statistics statistics = config::Statistics::kSynchronised;
};

class SwitchableNorm final : public Norm, public Stateful {
 public:
  // Registers "mean_logits", "var_logits", "weight", "bias" and the state.
  SwitchableNorm(const SwitchableNormOptions& options, ParameterTable& table);
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  // With "mean_share_NORM" and "var_share_NORM".
  std::map<std::string, double> stats() const override;
  std::optional<Fold> fold() const override { return affine_.fold(); }
  bool meets_in_forward() const override { return options_.statistics == config::Statistics::kSynchronised; }
  void gradients_ready(const StepContext& step) override;

 private:
  struct Moments {
    at::Tensor mean, var;  // broadcast over [B, N, C]
  };
  std::vector<Moments> sample_form(const at::Tensor& x, const StepContext& step);
  std::vector<Moments> token_form(const at::Tensor& x, const StepContext& step);
  Moments remembered(const Moments& batch, const at::Tensor& count);

  const SwitchableNormOptions options_;
  ParameterSlot mean_logits_, var_logits_;  // [K]
  Affine affine_;
  BufferSlot running_mean_, running_var_;  // [C]
};

}  // namespace autonorm::norms
