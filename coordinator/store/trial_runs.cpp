#include "coordinator/store/trial_runs.h"

#include <algorithm>

namespace autonorm::store {
namespace {

constexpr int64_t kGap = 64;  // reading so many trials in vain costs no more than another range

}  // namespace

TrialRuns::TrialRuns(std::vector<std::pair<int64_t, size_t>> shown) : shown_(std::move(shown)) {
  std::ranges::sort(shown_);
  for (const auto& [trial, row] : shown_) {
    if (runs_.empty() || trial > runs_.back().last + kGap) runs_.push_back({trial, trial});
    runs_.back().last = trial;
  }
}

std::span<const std::pair<int64_t, size_t>> TrialRuns::rows_of(int64_t trial) {
  const auto of = [](const auto& entry) { return entry.first; };
  if (cursor_ >= shown_.size() || shown_[cursor_].first > trial) {
    cursor_ = static_cast<size_t>(std::ranges::lower_bound(shown_, trial, {}, of) - shown_.begin());
  }
  while (cursor_ < shown_.size() && shown_[cursor_].first < trial) ++cursor_;
  size_t end = cursor_;
  while (end < shown_.size() && shown_[end].first == trial) ++end;
  return std::span(shown_).subspan(cursor_, end - cursor_);
}

}  // namespace autonorm::store
