// The gate of a selector: weights of its branches (normalization.md 8.1, 8.2, 8.4).
//   h = mean over tokens of x, or the cls token; each token itself with granularity token
//   logits = W2 · relu(W1 · h + b1) + b2,  W1 [H, C], W2 [K, H];  torch's default Linear init
//   softmax  w = softmax(logits)
//   gumbel   s = softmax((logits + g) / tau), g Gumbel noise; hard: w = onehot(argmax s), gradient of s (straight
//            through). Annealed, tau goes to tau_end at the last step, along a line or a geometric series
//   sigmoid  p = sigmoid(W · h + b), W [1, C];  w = (1 − p, p), for two branches
//   static   w = softmax(logits), logits learned, initially 0
//   random   w uniform on the simplex: (a, 1 − a), a ~ U(0, 1), for two branches; also at evaluation
// gate_eval = expected replaces, at evaluation, random by equal weights and gumbel by onehot(argmax logits).
// Granularity channel: K logits for each channel (W2 [C·K, H], W [C, C], static [C·K]); layer: one draw, or the static
// logits, for all samples.
//
// Random numbers  gate_noise.h      State  gate_parameters.h
#pragma once
#include <map>
#include <memory>
#include <string>

#include "core/norms/gate_noise.h"
#include "core/norms/gate_parameters.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct GateOptions {
  int64_t channels = 0;  // C
  int64_t branches = 2;  // K
  int64_t hidden = 0;    // H; 0 = C / 2
  config::Gate kind = config::Gate::kSoftmax;
  config::GateEval at_eval = config::GateEval::kAsTrained;
  config::GateInput input = config::GateInput::kMean;
  config::Granularity granularity = config::Granularity::kSample;
  double tau = 1.0;  // gumbel: temperature, at the first step
  config::Anneal anneal = config::Anneal::kNone;
  double tau_end = 0.5;
  bool hard = true;  // gumbel: straight-through
  FreezeRule freeze;
};

// Both [B or 1, N or 1, C or 1, K] as the granularity has it, float32 or float64 as x, sums over K are 1.
struct GateWeights {
  at::Tensor weights;
  at::Tensor probabilities;  // what a learned gate says without noise; undefined for a random one
};

// Of each sample, in nats, mean over its positions. weights as above → [B or 1]
at::Tensor entropy(const at::Tensor& weights);

class Gate {
 public:
  // Registers "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias" (softmax, gumbel), "fc.weight", "fc.bias" (sigmoid),
  // "logits" (static), and the state of a freeze rule.
  Gate(const GateOptions& options, const std::string& site, ParameterTable& table);

  // x [B, N, C] float32 or float64. Not for fixed gates.
  GateWeights weights(const at::Tensor& x, const StepContext& step);
  // The MLP and the pooling, as the source's counter sees them: C·H + H·K + C·(N + 1); 0 without an MLP.
  int64_t macs(int64_t tokens) const;
  // "gate_tau" of an annealed gate at the last step seen, "gate_frozen" (0 or 1) with a freeze rule.
  void add_stats(std::map<std::string, double>& stats) const;

 private:
  bool by_token() const { return options_.granularity == config::Granularity::kToken; }
  bool by_channel() const { return options_.granularity == config::Granularity::kChannel; }
  int64_t outputs() const { return by_channel() ? options_.channels : 1; }  // weights for each branch, per position
  void add_parameters();
  at::Tensor seen(const at::Tensor& x) const;
  at::Tensor shaped(const at::Tensor& values, const at::Tensor& x, int64_t last) const;
  at::Tensor logits(const at::Tensor& x) const;
  at::Tensor probabilities(const at::Tensor& x) const;
  at::Tensor gumbel(const at::Tensor& scores, const at::Tensor& x, const StepContext& step) const;
  at::Tensor random(const at::Tensor& x, const StepContext& step) const;
  double tau_at(const StepContext& step) const;

  GateOptions options_;
  GateNoise noise_;
  GateParameters parameters_;
  double last_tau_ = 0;
};

}  // namespace autonorm::norms
