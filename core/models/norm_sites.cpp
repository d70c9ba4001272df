#include "core/models/norm_sites.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

namespace autonorm::models {
namespace {

constexpr double kNearTheEnd = 0.99;

}  // namespace

void NormSites::Record::add(const norms::Norm& norm, const at::Tensor& x, int64_t after_step) {
  const at::NoGradGuard no_grad;
  std::vector<at::Tensor> found{x.sum(at::kDouble), x.to(at::kFloat).square().sum(at::kDouble)};  // each []
  if (bounded) found.push_back((norm.bounded(x).abs() > kNearTheEnd).sum(at::kDouble));
  const at::Tensor more = at::stack(found);
  sums = step == after_step ? sums + more : more;
  values = (step == after_step ? values : 0) + x.numel();
  step = after_step;
}

void NormSites::Record::add_to(std::map<std::string, double>& stats) const {
  const at::Tensor means = values == 0 ? at::zeros({3}, at::TensorOptions(at::kDouble))
                                       : (sums / static_cast<double>(values)).cpu();  // [2 or 3]
  const auto mean = [&](int64_t i) { return means[i].item<double>(); };
  stats["input_mean"] = mean(0);
  stats["input_square"] = mean(1);
  if (bounded) stats["saturated"] = mean(2);
}

NormSite NormSites::add(const config::TrialConfig& config, const std::string& kind, int64_t channels, int64_t tokens,
                        norms::ParameterTable& table) {
  return add(config, kind, kind, channels, tokens, table);
}

NormSite NormSites::add(const config::TrialConfig& config, const std::string& kind, const std::string& name,
                        int64_t channels, int64_t tokens, norms::ParameterTable& table) {
  const config::NormConfig norm = config.norm_at(kind);
  const std::string full_name = table.full_name(name);
  places_[full_name] = kind;
  if (norm.kind == config::NormKind::kNone) return {};
  const norms::ParameterTable::Scope scope(table, name);
  entries_.push_back({.name = full_name, .norm = norms::make_norm(norm, channels, full_name, table), .record = {}});
  Entry& entry = entries_.back();
  entry.record.bounded = entry.norm->bounded(at::zeros({1, 1, channels})).defined();
  macs_ += entry.norm->macs(tokens);
  return {static_cast<int64_t>(entries_.size()) - 1};
}

at::Tensor NormSites::apply(NormSite site, const at::Tensor& x, const norms::StepContext& step) const {
  if (site.index < 0) return x;
  Entry& entry = entries_[static_cast<size_t>(site.index)];
  if (step.record) entry.record.add(*entry.norm, x, step.step);
  return entry.norm->forward(x, step);
}

at::Tensor NormSites::apply_map(NormSite site, const at::Tensor& x, const norms::StepContext& step) const {
  if (site.index < 0) return x;
  return apply(site, x.flatten(2).transpose(1, 2), step).transpose(1, 2).reshape(x.sizes());
}

void NormSites::add_fold_site(NormSite site, std::vector<std::string> linears, std::vector<FoldSite>& sites) const {
  if (site.index < 0) return;
  const Entry& entry = entries_[static_cast<size_t>(site.index)];
  sites.push_back({entry.name, entry.norm.get(), std::move(linears)});
}

void NormSites::add_fold_site_behind(NormSite site, const std::string& linear, std::vector<FoldSite>& sites) const {
  if (site.index < 0) return;
  add_fold_site(site, {linear}, sites);
  sites.back().before = true;
}

std::map<std::string, std::map<std::string, double>> NormSites::stats() const {
  std::map<std::string, std::map<std::string, double>> stats;
  for (const Entry& entry : entries_) {
    auto values = entry.norm->stats();
    entry.record.add_to(values);
    if (!values.empty()) stats[entry.name] = std::move(values);
  }
  return stats;
}

}  // namespace autonorm::models
