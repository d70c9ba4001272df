#include "core/norms/selector.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "core/base/status.h"
#include "core/kernels/norms.h"
#include "core/norms/capability.h"
#include "core/norms/compute_dtype.h"
#include "core/norms/dyt.h"
#include "core/norms/fold.h"
#include "core/norms/layer_norm.h"
#include "core/norms/registry.h"

namespace autonorm::norms {
namespace {

// "scale", "layer", and "layer_2" for a kind that comes again.
std::string branch_name(const std::vector<config::NormConfig>& branches, size_t index) {
  const std::string kind(norm_kind_name(branches[index].kind));
  const auto earlier = std::count_if(branches.begin(), branches.begin() + static_cast<std::ptrdiff_t>(index),
                                     [&](const config::NormConfig& b) { return b.kind == branches[index].kind; });
  return earlier == 0 ? kind : cat(kind, '_', earlier + 1);
}

GateOptions gate_options(const config::NormConfig& config, int64_t channels) {
  return {.channels = channels,
          .branches = static_cast<int64_t>(config.branches.size()),
          .hidden = config.gate_hidden,
          .kind = config.gate,
          .at_eval = config.gate_eval,
          .input = config.gate_input,
          .granularity = config.granularity,
          .tau = config.tau,
          .anneal = config.anneal,
          .tau_end = config.tau_end,
          .hard = config.hard,
          .freeze = {.epoch = config.freeze_epoch, .entropy = config.freeze_entropy}};
}

}  // namespace

Selector::Selector(const config::NormConfig& config, int64_t channels, const std::string& site, ParameterTable& table)
    : config_(config),
      channels_(channels),
      fixed_(config.gate == config::Gate::kFixed),
      entropy_weight_(config.entropy_weight) {
  AUTONORM_CHECK(!config.branches.empty(), "a selector needs branches (site ", site, ")");
  AUTONORM_CHECK(!fixed_ || config.weights.size() == config.branches.size(), "one weight per branch (site ", site, ")");
  for (size_t k = 0; k < config.branches.size(); ++k) {
    Branch branch{.name = branch_name(config.branches, k), .norm = nullptr};
    if (fixed_) branch.weight = config.weights[k];
    const ParameterTable::Scope scope(table, branch.name);
    const size_t first = table.parameters().size();
    branch.norm = make_norm(config.branches[k], channels, site + "." + branch.name, table);
    const bool frozen = std::ranges::find(config.freeze, config.branches[k].kind) != config.freeze.end();
    if (frozen || branch.weight == 0.0) table.freeze_from(first);
    branches_.push_back(std::move(branch));
  }
  find_fused();
  if (fixed_) return;
  const ParameterTable::Scope scope(table, "gate");
  gate_ = std::make_unique<Gate>(gate_options(config, channels), site, table);
}

at::Tensor Selector::forward(const at::Tensor& x, const StepContext& step) {
  refuse_mask(step, "selector");
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  if (fixed_) return blend_fixed(wide, step).to(x.scalar_type());
  const GateWeights gate = gate_->weights(wide, step);
  if (!step.training) record(gate, x.size(0), step);
  if (step.wants_penalty() && entropy_weight_ != 0) {
    step.add_penalty(entropy(gate.probabilities) * entropy_weight_);  // [B or 1]
  }
  if (fused_ && gate.weights.size(1) == 1 && gate.weights.size(2) == 1) return blend_fused(x, gate.weights);
  return blend(wide, gate.weights, step).to(x.scalar_type());
}

// weights [B or 1, 1, 1, 2]
at::Tensor Selector::blend_fused(const at::Tensor& x, const at::Tensor& weights) const {
  const at::Tensor gate = weights.reshape({weights.size(0), 2}).expand({x.size(0), 2});
  return kernels::layer_dyt_blend(x, fused_->dyt_first ? gate : gate.flip(1),
                                  {.alpha = fused_->dyt->alpha(),
                                   .dyt_weight = *fused_->dyt->affine().weight(),
                                   .dyt_bias = *fused_->dyt->affine().bias(),
                                   .layer_weight = fused_->layer->affine().weight(),
                                   .layer_bias = fused_->layer->affine().bias(),
                                   .eps = fused_->layer->eps()});
}

// The pair that one kernel computes: dyt with weight and bias, and layer.
void Selector::find_fused() {
  if (fixed_ || branches_.size() != 2) return;
  for (const size_t first : {size_t{0}, size_t{1}}) {
    const auto* dyt = dynamic_cast<const Dyt*>(branches_[first].norm.get());
    const auto* layer = dynamic_cast<const LayerNorm*>(branches_[1 - first].norm.get());
    if (dyt != nullptr && layer != nullptr && dyt->affine().bias()) fused_ = Fused{dyt, layer, first == 0};
  }
}

at::Tensor Selector::blend_fixed(const at::Tensor& x, const StepContext& step) {
  at::Tensor sum;  // [B, N, C]
  for (const Branch& branch : branches_) {
    if (branch.weight == 0.0) continue;
    at::Tensor term = branch.norm->forward(x, step);
    if (branch.weight != 1.0) term = term * branch.weight;
    sum = sum.defined() ? sum + term : term;
  }
  return sum.defined() ? sum : at::zeros_like(x);
}

at::Tensor Selector::blend(const at::Tensor& x, const at::Tensor& weights, const StepContext& step) {
  at::Tensor sum;  // [B, N, C]
  for (size_t k = 0; k < branches_.size(); ++k) {
    const at::Tensor weight = weights.select(-1, static_cast<int64_t>(k));  // [B or 1, N or 1, C or 1]
    const at::Tensor value = branches_[k].norm->forward(x, step);
    sum = sum.defined() ? at::addcmul(sum, weight, value) : weight * value;
  }
  return sum;
}

void Selector::record(const GateWeights& gate, int64_t samples, const StepContext& step) {
  const at::Tensor w = gate.weights.detach().to(at::kDouble).mean(at::IntArrayRef{1, 2});  // [B or 1, K]
  const at::Tensor& decided = gate.probabilities.defined() ? gate.probabilities : gate.weights;
  const at::Tensor entropies = entropy(decided.detach().to(at::kDouble));  // [B or 1]
  if (recorded_step_ != step.step || !weight_sum_.defined()) {
    recorded_step_ = step.step;
    recorded_samples_ = 0;
    weight_sum_ = at::zeros_like(w.sum(0));
    entropy_sum_ = at::zeros_like(entropies.sum());
  }
  weight_sum_ += w.expand({samples, w.size(1)}).sum(0);
  entropy_sum_ += entropies.expand({samples}).sum();
  recorded_samples_ += samples;
}

std::optional<Fold> Selector::fold() const {
  const auto rest = folded_config(config_);
  if (!rest) return std::nullopt;
  const at::NoGradGuard no_grad;
  if (rest->kind == config::NormKind::kSelector) return fold_one();
  const at::Tensor learned =  // [C or 1, K]
      fixed_ ? at::Tensor() : gate_->weights(at::zeros({1, 1, channels_}), {.training = false}).weights[0][0];
  Fold sum{.scale = at::zeros({channels_}), .shift = at::zeros({channels_})};
  for (size_t k = 0; k < branches_.size(); ++k) {
    if (fixed_ && branches_[k].weight == 0.0) continue;
    const at::Tensor weight =
        fixed_ ? at::full({1}, branches_[k].weight) : learned.select(1, static_cast<int64_t>(k));  // [C or 1]
    const auto part = branches_[k].norm->fold();  // nothing: the identity
    sum.scale = sum.scale + (part ? weight * part->scale : weight);
    if (part && part->shift.defined()) sum.shift = sum.shift + weight * part->shift;
  }
  return sum;
}

// The one branch that counts keeps its core: its constant weight stays before the core, and scales the shift.
std::optional<Fold> Selector::fold_one() const {
  const auto branch = std::ranges::find_if(branches_, [](const Branch& b) { return b.weight != 0.0; });
  auto fold = branch->norm->fold();
  if (fold && fold->shift.defined()) fold->shift = fold->shift * branch->weight;
  return fold;
}

int64_t Selector::macs(int64_t tokens) const {
  int64_t total = gate_ ? gate_->macs(tokens) : 0;
  for (const Branch& branch : branches_) {
    if (branch.weight != 0.0) total += branch.norm->macs(tokens);
  }
  return total;
}

std::map<std::string, double> Selector::stats() const {
  std::map<std::string, double> stats;
  for (const Branch& branch : branches_) {
    for (const auto& [name, value] : branch.norm->stats()) stats[branch.name + "." + name] = value;
  }
  if (gate_) gate_->add_stats(stats);
  if (recorded_samples_ == 0) return stats;
  const at::Tensor mean = weight_sum_.cpu() / static_cast<double>(recorded_samples_);  // [K]
  for (size_t k = 0; k < branches_.size(); ++k) {
    stats["gate_mean_" + branches_[k].name] = mean[static_cast<int64_t>(k)].item<double>();
  }
  stats["gate_entropy"] = entropy_sum_.item<double>() / static_cast<double>(recorded_samples_);
  return stats;
}

}  // namespace autonorm::norms
