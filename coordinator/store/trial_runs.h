// Which rows of a report show a trial, and the runs of neighbouring trials in which its details are read: a sweep's
// trials mostly lie side by side, so that a few ranges find them without a look-up per trial.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace autonorm::store {

class TrialRuns {
 public:
  struct Run {
    int64_t first = 0, last = 0;  // trials, both included; some between them may be of other sweeps
  };

  // `shown`: (trial, row of the report), in any order.
  explicit TrialRuns(std::vector<std::pair<int64_t, size_t>> shown);

  std::span<const Run> runs() const { return runs_; }
  // The rows that show it, as (trial, row); empty when none does. Cheap for trials in rising order.
  std::span<const std::pair<int64_t, size_t>> rows_of(int64_t trial);
  // (trial, row), by trial.
  std::span<const std::pair<int64_t, size_t>> shown() const { return shown_; }

 private:
  std::vector<std::pair<int64_t, size_t>> shown_;
  std::vector<Run> runs_;
  size_t cursor_ = 0;  // into shown_, where the last look-up ended
};

}  // namespace autonorm::store
