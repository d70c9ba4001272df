#include "coordinator/report/stability.h"

#include <algorithm>

#include "core/stats/proportions.h"

namespace autonorm::report {
namespace {

void count(TrialState state, Counts& counts) {
  switch (state) {
    case TrialState::kSucceeded:
      ++counts.succeeded;
      return;
    case TrialState::kFailed:
      ++counts.failed;
      return;
    case TrialState::kDiverged:
      ++counts.diverged;
      return;
    case TrialState::kStopped:
      ++counts.stopped;
      return;
    case TrialState::kCancelled:
      ++counts.cancelled;
      return;
    case TrialState::kWaiting:
    case TrialState::kQueued:
    case TrialState::kAssigned:
    case TrialState::kRunning:
      ++counts.missing;
      return;
  }
}

bool ended_well(const TrialRow& row) { return has_result(row) && row.state != TrialState::kDiverged; }

bool is_lost(const TrialRow& row, const std::string& metric) {
  if (row.state == TrialState::kDiverged || row.state == TrialState::kFailed) return true;
  return ended_well(row) && !value_of(row, metric);
}

}  // namespace

Counts counts_of(const SeedRows& rows, size_t seeds) {
  Counts counts;
  for (const auto& [seed, row] : rows) count(row->state, counts);
  counts.planned = static_cast<int>(std::max(rows.size(), seeds));
  counts.missing += counts.planned - static_cast<int>(rows.size());
  return counts;
}

Divergence divergence_of(const SeedRows& variant, const SeedRows* baseline, double alpha) {
  Divergence out;
  int only_ours = 0, only_theirs = 0;
  for (const auto& [seed, row] : variant) {
    if (!has_result(*row)) continue;
    const bool diverged = row->state == TrialState::kDiverged;
    ++out.finished;
    out.diverged += diverged;
    if (baseline == nullptr) continue;
    const auto other = baseline->find(seed);
    if (other == baseline->end() || !has_result(*other->second)) continue;
    const bool other_diverged = other->second->state == TrialState::kDiverged;
    only_ours += diverged && !other_diverged;
    only_theirs += other_diverged && !diverged;
  }
  out.rate = stats::wilson_interval(out.diverged, out.finished, alpha);
  if (baseline != nullptr) out.p = stats::mcnemar_p(only_ours, only_theirs);
  return out;
}

Losses losses_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric) {
  Losses losses;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || is_open(row->state) || is_open(other->second->state)) continue;
    const bool ours = is_lost(*row, metric), theirs = is_lost(*other->second, metric);
    losses.variant += ours;
    losses.baseline += theirs;
    losses.variant_alone += ours && !theirs;
    losses.baseline_alone += theirs && !ours;
  }
  return losses;
}

int unusable_values(const SeedRows& rows, const std::string& metric, bool required) {
  return static_cast<int>(std::ranges::count_if(rows, [&](const auto& seed) {
    const TrialRow& row = *seed.second;
    return ended_well(row) && !value_of(row, metric) && (required || row.results.contains(metric));
  }));
}

}  // namespace autonorm::report
