#include "core/train/batch_plan.h"

#include <algorithm>
#include <numeric>

#include "core/base/status.h"

namespace autonorm::train {
namespace {

// Part `index` of `parts` nearly equal parts of `whole`.
Range part(Range whole, int64_t index, int64_t parts) {
  return {whole.first + whole.size() * index / parts, whole.first + whole.size() * (index + 1) / parts};
}

}  // namespace

BatchPlan::BatchPlan(const config::TrainConfig& config, uint64_t seed, int64_t samples, int rank, int ranks)
    : batch_(config.batch),
      accumulate_(config.accumulate),
      epochs_(config.epochs),
      samples_(samples),
      shuffle_(config.shuffle),
      rank_(rank),
      ranks_(ranks),
      stream_(seed, "order", "train") {
  AUTONORM_CHECK(samples > 0 && batch_ > 0 && rank >= 0 && rank < ranks, "samples ", samples, ", rank ", rank);
}

std::vector<int64_t> BatchPlan::order(int64_t epoch) const {
  if (shuffle_) return stream_.permutation(samples_, static_cast<uint32_t>(epoch));
  std::vector<int64_t> order(static_cast<size_t>(samples_));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

Range BatchPlan::global_batch(int64_t step) const {
  const int64_t first = (step % steps_per_epoch()) * batch_;
  return {first, std::min(samples_, first + batch_)};
}

Range BatchPlan::global_micro_batch(int64_t step, int64_t micro) const {
  return part(global_batch(step), micro, accumulate_);
}

Range BatchPlan::local_micro_batch(int64_t step, int64_t micro) const {
  return part(global_micro_batch(step, micro), rank_, ranks_);
}

}  // namespace autonorm::train
