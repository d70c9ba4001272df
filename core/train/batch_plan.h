// Which samples each optimizer step, micro-batch and rank works on. Pure.
//
// The training set is permuted anew each epoch (RandomStream(seed, "order", "train"), counter = epoch; with shuffle off
// it keeps its order) and cut into global batches; the last one may be smaller. A global batch is cut into
// micro-batches, and each of those into one contiguous piece per rank. So the samples of a step and of a micro-batch do
// not depend on the number of ranks, only who computes them does.
#pragma once
#include <cstdint>
#include <vector>

#include "core/base/philox.h"
#include "core/config/trial_config.h"

namespace autonorm::train {

// Positions [first, last) in the epoch's order.
struct Range {
  int64_t first = 0, last = 0;
  int64_t size() const { return last - first; }
  bool operator==(const Range&) const = default;
};

class BatchPlan {
 public:
  // REQUIRES samples > 0, 0 ≤ rank < ranks.
  BatchPlan(const config::TrainConfig& config, uint64_t seed, int64_t samples, int rank, int ranks);

  int64_t steps_per_epoch() const { return (samples_ + batch_ - 1) / batch_; }
  int64_t total_steps() const { return epochs_ * steps_per_epoch(); }
  int64_t epoch_of(int64_t step) const { return step / steps_per_epoch(); }
  // The epoch's permutation of 0 … samples − 1.
  std::vector<int64_t> order(int64_t epoch) const;
  // All samples of a step; never empty.
  Range global_batch(int64_t step) const;
  Range global_micro_batch(int64_t step, int64_t micro) const;  // may be empty
  // This rank's part of micro-batch `micro` (0 … accumulate − 1); may be empty.
  Range local_micro_batch(int64_t step, int64_t micro) const;

 private:
  const int64_t batch_, accumulate_, epochs_, samples_;
  const bool shuffle_;
  const int rank_, ranks_;
  const RandomStream stream_;
};

}  // namespace autonorm::train
