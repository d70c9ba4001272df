#include "coordinator/server/past_spread.h"

#include <cmath>
#include <utility>
#include <vector>

#include "core/stats/summary.h"

namespace autonorm::server {
namespace {

using SeedTrials = std::map<uint64_t, size_t>;  // seed → index into Sweep::trials
using Variants = std::map<std::string, SeedTrials>;

// Of the seeds that both sides have a value for.
std::vector<double> past_differences(const config::Sweep& sweep, const SeedTrials& variant, const SeedTrials& baseline,
                                     const std::map<TrialId, double>& values) {
  std::vector<double> differences;
  for (const auto& [seed, trial] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || other->second == trial) continue;
    const auto own_value = values.find(sweep.trials[trial].id), value = values.find(sweep.trials[other->second].id);
    if (own_value != values.end() && value != values.end()) differences.push_back(own_value->second - value->second);
  }
  return differences;
}

}  // namespace

std::optional<stats::KnownSpread> past_spread(const config::Sweep& sweep, const std::map<TrialId, double>& values) {
  std::map<config::CellLabels, Variants> cells;
  for (const config::Cell& cell : sweep.cells) cells[*cell.labels][cell.variant][cell.seed] = cell.trial;
  double squares = 0;
  size_t freedom = 0;
  stats::KnownSpread spread;
  for (const auto& [labels, variants] : cells) {
    const auto baseline = variants.find(sweep.baseline);
    if (baseline == variants.end()) continue;
    for (const auto& [name, seeds] : variants) {
      if (name == sweep.baseline) continue;
      const auto differences = past_differences(sweep, seeds, baseline->second, values);
      if (differences.size() < 2) continue;
      const double sd = *stats::summarize(differences).sd;
      squares += sd * sd * static_cast<double>(differences.size() - 1);
      freedom += differences.size() - 1;
      spread.pairs += static_cast<int>(differences.size());
    }
  }
  if (freedom == 0) return std::nullopt;
  spread.sd = std::sqrt(squares / static_cast<double>(freedom));
  return spread;
}

}  // namespace autonorm::server
