#include "coordinator/report/report_data.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/text.h"

namespace autonorm::report {

Labels with_label(Labels labels, const std::string& key, const std::string& value) {
  labels[key] = value;
  return labels;
}

bool has_result(const TrialRow& row) {
  return row.state == TrialState::kSucceeded || row.state == TrialState::kStopped || row.state == TrialState::kDiverged;
}

std::optional<double> value_of(const TrialRow& row, const std::string& metric) {
  if (!has_result(row)) return std::nullopt;
  const auto found = row.results.find(metric);
  if (found == row.results.end() || !(std::abs(found->second) <= kLargestValue)) return std::nullopt;
  return found->second;
}

std::vector<std::string> metrics_of(const ReportData& data) {
  const auto same = [](const auto& a, const auto& b) { return a.first == b.first; };
  std::set<std::string> names;
  const Results* last = nullptr;
  for (const TrialRow& row : data.trials) {
    if (last != nullptr && std::ranges::equal(*last, row.results, same)) continue;
    last = &row.results;
    for (const auto& [metric, value] : *last) names.insert(metric);
  }
  names.erase(data.sweep.metric);
  std::vector<std::string> metrics = {data.sweep.metric};
  metrics.insert(metrics.end(), names.begin(), names.end());
  return metrics;
}

std::vector<std::string> variants_of(const ReportData& data) {
  std::vector<std::string> variants = data.sweep.variants;
  std::set<std::string> known(variants.begin(), variants.end());
  const std::string* last = nullptr;
  for (const TrialRow& row : data.trials) {
    if (last != nullptr && *last == row.variant) continue;
    last = &row.variant;
    if (known.insert(row.variant).second) variants.push_back(row.variant);
  }
  return variants;
}

std::vector<std::string> label_keys_of(const ReportData& data) {
  std::vector<std::string> keys = data.sweep.matrix_keys;
  std::set<std::string> others;
  const TrialRow* last = nullptr;
  for (const TrialRow& row : data.trials) {
    if (last != nullptr && last->labels == row.labels) continue;  // another seed
    last = &row;
    for (const auto& [key, value] : *row.labels) others.insert(key);
  }
  for (const std::string& key : keys) others.erase(key);
  keys.insert(keys.end(), others.begin(), others.end());
  return keys;
}

std::string cell_name(const std::map<std::string, std::string>& labels, const std::vector<std::string>& keys) {
  std::vector<std::string> parts;
  for (const std::string& key : keys) {
    if (const auto found = labels.find(key); found != labels.end()) parts.push_back(key + "=" + found->second);
  }
  return join(parts);
}

}  // namespace autonorm::report
