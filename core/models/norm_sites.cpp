#include "core/models/norm_sites.h"

namespace autonorm::models {

NormSite NormSites::add(const config::TrialConfig& config, const std::string& kind, int64_t channels, int64_t tokens,
                        norms::ParameterTable& table) {
  const config::NormConfig norm = config.norm_at(kind);
  if (norm.kind == config::NormKind::kNone) return {};
  const std::string name = table.full_name(kind);
  const norms::ParameterTable::Scope scope(table, kind);
  entries_.push_back({name, norms::make_norm(norm, channels, name, table)});
  macs_ += entries_.back().norm->macs(tokens);
  return {static_cast<int64_t>(entries_.size()) - 1};
}

at::Tensor NormSites::apply(NormSite site, const at::Tensor& x, const norms::StepContext& step) const {
  if (site.index < 0) return x;
  return entries_[static_cast<size_t>(site.index)].norm->forward(x, step);
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
