#include "core/norms/selector.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/xlogy.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "core/base/status.h"
#include "core/norms/compute_dtype.h"
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
          .tau = config.tau,
          .hard = config.hard};
}

}  // namespace

Selector::Selector(const config::NormConfig& config, int64_t channels, const std::string& site, ParameterTable& table)
    : fixed_(config.gate == config::Gate::kFixed) {
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
  if (fixed_) return;
  const ParameterTable::Scope scope(table, "gate");
  gate_ = std::make_unique<Gate>(gate_options(config, channels), site, table);
}

at::Tensor Selector::forward(const at::Tensor& x, const StepContext& step) {
  const NoAutocast guard;
  const at::Tensor wide = to_compute(x);  // [B, N, C]
  if (fixed_) return blend_fixed(wide, step).to(x.scalar_type());
  const at::Tensor weights = gate_->weights(wide, step);  // [B, K]
  if (!step.training) record(weights, step);
  return blend(wide, weights, step).to(x.scalar_type());
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
  const at::Tensor per_sample = weights.unsqueeze(1);  // [B, 1, K]
  at::Tensor sum;                                      // [B, N, C]
  for (size_t k = 0; k < branches_.size(); ++k) {
    const at::Tensor weight = per_sample.narrow(2, static_cast<int64_t>(k), 1);  // [B, 1, 1]
    const at::Tensor value = branches_[k].norm->forward(x, step);
    sum = sum.defined() ? at::addcmul(sum, weight, value) : weight * value;
  }
  return sum;
}

void Selector::record(const at::Tensor& weights, const StepContext& step) {
  const at::Tensor w = weights.detach().to(at::kDouble);  // [B, K]
  const at::Tensor entropy = -at::xlogy(w, w).sum();
  if (recorded_step_ != step.step || !weight_sum_.defined()) {
    recorded_step_ = step.step;
    recorded_samples_ = 0;
    weight_sum_ = at::zeros_like(w.sum(0));
    entropy_sum_ = at::zeros_like(entropy);
  }
  weight_sum_ += w.sum(0);
  entropy_sum_ += entropy;
  recorded_samples_ += w.size(0);
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
  if (recorded_samples_ == 0) return stats;
  const at::Tensor mean = weight_sum_.cpu() / static_cast<double>(recorded_samples_);  // [K]
  for (size_t k = 0; k < branches_.size(); ++k) {
    stats["gate_mean_" + branches_[k].name] = mean[static_cast<int64_t>(k)].item<double>();
  }
  stats["gate_entropy"] = entropy_sum_.item<double>() / static_cast<double>(recorded_samples_);
  return stats;
}

}  // namespace autonorm::norms
