// Dynamic Token Normalization (ICLR 2022, normalization.md 3.6). Tokens lie on a square grid, a cls token may come
// first.
//
//   1. x is divided by the root mean square of each head's C/H channels of a token
//   2. μ_ln, σ²_ln of a token over its C channels, σ² with C − 1
//   3. P = softmax over i of Linear(3 → H) [Δx, Δy, Δx² + Δy²] for tokens i → j;  μ_p[j] = Σ_i P[i,j] x[i],
//      σ²_p[j] = max(0, Σ_i P[i,j] x[i]² − μ_p[j]²), by head and channel
//   4. μ = λ μ_ln + (1 − λ) μ_p,  σ² = λ' σ²_ln + (1 − λ') σ²_p,  λ = sigmoid(mean_mix), λ' = sigmoid(var_mix) by head;
//      μ = μ_ln with only_var
//   5. y = (x − μ) / √(σ² + eps) ⊙ weight + bias
//
// A cls token has the statistics of step 2 alone and no part in P. A map with a side of k·grid, k > 1, is averaged over
// blocks of k × k for step 3, whose result is repeated over them.
//
// Shapes  x, y: [B, N, C], N = S² or S² + 1   position.weight [H, 3], position.bias [H]   mean_mix, var_mix: [H], 0
//         weight, bias: [C], initially 1 and 0
// Init    position.weight: head h1 + k·h2 of a k × k grid of heads, k = ⌊√H⌋, looks at offset (h1 − c, h2 − c):
//         (2(h2 − c), 2(h1 − c), −1), c = (k − 1)/2 for even k, else ⌊k/2⌋; further heads truncated normal .02
// Dtype   as compute_dtype.h
// State   none between batches: train and eval compute the same function.
#pragma once
#include "core/norms/affine.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

struct DtnOptions {
  int64_t channels = 0;  // C, > 0
  int64_t heads = 4;     // H, divides C
  int64_t grid = 14;     // side above which the map is pooled
  double eps = 1e-5;
  bool only_var = false;
};

class Dtn final : public Norm {
 public:
  // REQUIRES: heads divides channels, and tokens on a square grid whose side is at most `grid` or a multiple of it
  // (core/config checks both).
  Dtn(const DtnOptions& options, ParameterTable& table);
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  int64_t macs(int64_t tokens) const override;
  // With "mean_share" and "var_share", the heads' mean share of the token's own statistics.
  std::map<std::string, double> stats() const override;

 private:
  struct Moments {
    at::Tensor mean, var;
  };
  at::Tensor attention(int64_t side, const at::Tensor& like) const;  // P [H, S², S²]
  Moments positional(const at::Tensor& x) const;                     // x [B, S², C] → [B, S², C]
  at::Tensor by_head(const ParameterSlot& mix) const;                // sigmoid, [C]

  const DtnOptions options_;
  ParameterSlot position_weight_, position_bias_;  // [H, 3], [H]
  ParameterSlot mean_mix_, var_mix_;               // [H]; mean_mix empty with only_var
  Affine affine_;
};

}  // namespace autonorm::norms
