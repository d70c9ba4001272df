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

bool failed_or_diverged(const TrialRow& row) {
  return row.state == TrialState::kDiverged || row.state == TrialState::kFailed;
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

Losses losses_of(const SeedRows& variant, const SeedRows& baseline) {
  Losses losses;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || is_open(row->state) || is_open(other->second->state)) continue;
    const bool ours = failed_or_diverged(*row), theirs = failed_or_diverged(*other->second);
    losses.variant += ours;
    losses.baseline += theirs;
    losses.variant_alone += ours && !theirs;
  }
  return losses;
}

}  // namespace autonorm::report
