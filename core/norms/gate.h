// The gate of a selector: one weight per sample and branch (normalization.md 8.1, 8.4).
//   pooled = mean over tokens of x                                       [B, C]
//   logits = W2 · relu(W1 · pooled + b1) + b2                            [B, K];  W1 [H, C], W2 [K, H], torch's default
//   Linear init softmax  w = softmax(logits) gumbel   s = softmax((logits + g) / tau), g Gumbel noise; hard: w =
//   onehot(argmax s), gradient of s (straight through) random   w uniform on the simplex: (a, 1 − a), a ~ U(0, 1), for
//   two branches; also at evaluation
// gate_eval = expected replaces, at evaluation, random by equal weights and gumbel by onehot(argmax logits).
#pragma once
#include <optional>
#include <string>

#include "core/norms/gate_noise.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct GateOptions {
  int64_t channels = 0;  // C
  int64_t branches = 2;  // K
  int64_t hidden = 0;    // H; 0 = C / 2
  config::Gate kind = config::Gate::kSoftmax;
  config::GateEval at_eval = config::GateEval::kAsTrained;
  double tau = 1.0;  // gumbel: temperature
  bool hard = true;  // gumbel: straight-through
};

class Gate {
 public:
  // softmax and gumbel register "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"; the other kinds have nothing to
  // learn.
  Gate(const GateOptions& options, const std::string& site, ParameterTable& table);

  // x [B, N, C] float32 or float64 → weights [B, K] of the same dtype, rows sum to 1. Not for fixed gates.
  at::Tensor weights(const at::Tensor& x, const StepContext& step) const;
  // The MLP and the pooling, as the source's counter sees them: C·H + H·K + C·(N + 1); 0 without an MLP.
  int64_t macs(int64_t tokens) const;

 private:
  at::Tensor logits(const at::Tensor& x) const;
  at::Tensor gumbel(const at::Tensor& x, const StepContext& step) const;
  at::Tensor random(const at::Tensor& x, const StepContext& step) const;

  GateOptions options_;
  GateNoise noise_;
  ParameterSlot fc1_weight_, fc1_bias_;  // [H, C], [H]
  ParameterSlot fc2_weight_, fc2_bias_;  // [K, H], [K]
};

}  // namespace autonorm::norms
