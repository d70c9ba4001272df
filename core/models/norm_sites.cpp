#include "core/models/norm_sites.h"

namespace autonorm::models {

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
  entries_.push_back({full_name, norms::make_norm(norm, channels, full_name, table)});
  macs_ += entries_.back().norm->macs(tokens);
  return {static_cast<int64_t>(entries_.size()) - 1};
}

at::Tensor NormSites::apply(NormSite site, const at::Tensor& x, const norms::StepContext& step) const {
  if (site.index < 0) return x;
  return entries_[static_cast<size_t>(site.index)].norm->forward(x, step);
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
    if (!values.empty()) stats[entry.name] = std::move(values);
  }
  return stats;
}

}  // namespace autonorm::models
