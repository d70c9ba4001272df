// NormSelector of the AutoNorm project (normalization.md 8.1):  y = Σ_k w_k ⊙ branch_k(x), w from gate.h for each
// sample, token or channel, or fixed.
//
// Shapes  x, y: [B, N, C]   w: [B or 1, N or 1, C or 1, K]
// Dtype   as compute_dtype.h: branches and blend in float32, one cast at the end
// State   its branches' and its gate's; evaluation passes add up the gate's weights for stats().
// Loss    in training, entropy_weight · (entropy of each sample's gate without noise, nats) is added to the loss
//
// A fixed gate evaluates only branches of weight ≠ 0 and multiplies only by weights ≠ 1: fixed to one branch it *is*
// that branch, bit for bit. A branch of fixed weight 0 and a branch whose kind is in `freeze` keep their parameters,
// which do not learn.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/norms/gate.h"
#include "core/norms/norm.h"

namespace autonorm::norms {

class Dyt;
class LayerNorm;

class Selector final : public Norm {
 public:
  // Registers each branch under its kind's name (a repeated kind gets "_2", "_3", …) and the gate under "gate".
  // REQUIRES: at least one branch; a fixed gate has one weight per branch (core/config checks both).
  Selector(const config::NormConfig& config, int64_t channels, const std::string& site, ParameterTable& table);
  at::Tensor forward(const at::Tensor& x, const StepContext& step) override;
  // Of a selector whose weights are constants, as folded_config() says (norms/fold.h).
  std::optional<Fold> fold() const override;
  int64_t macs(int64_t tokens) const override;
  // "gate_mean_BRANCH", "gate_entropy" (nats, of a learned gate without its noise), both averaged over the samples
  // evaluated last; what Gate::add_stats says; "BRANCH.…" of each branch.
  std::map<std::string, double> stats() const override;

 private:
  struct Branch {
    std::string name;
    std::unique_ptr<Norm> norm;
    double weight = 1.0;  // fixed gate only
  };
  at::Tensor blend_fixed(const at::Tensor& x, const StepContext& step);
  struct Fused {
    const Dyt* dyt;
    const LayerNorm* layer;
    bool dyt_first;
  };
  void find_fused();
  std::optional<Fold> fold_one() const;
  at::Tensor blend_fused(const at::Tensor& x, const at::Tensor& weights) const;
  at::Tensor blend(const at::Tensor& x, const at::Tensor& weights, const StepContext& step);
  void record(const GateWeights& gate, int64_t samples, const StepContext& step);

  const config::NormConfig config_;
  const int64_t channels_;
  const bool fixed_;
  const double entropy_weight_;
  std::vector<Branch> branches_;
  std::unique_ptr<Gate> gate_;  // null when fixed
  std::optional<Fused> fused_;  // of branches_
  int64_t recorded_step_ = -1;  // the step that the sums below belong to
  int64_t recorded_samples_ = 0;
  at::Tensor weight_sum_;   // [K] float64
  at::Tensor entropy_sum_;  // [] float64
};

}  // namespace autonorm::norms
