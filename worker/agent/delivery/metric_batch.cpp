#include "worker/agent/delivery/metric_batch.h"

#include <utility>

namespace autonorm::agent {

void MetricBatch::add(fleet::MetricPoint point, SteadyTime now) {
  if (empty()) oldest_ = now;
  points_.push_back(std::move(point));
}

void MetricBatch::add(fleet::NormStat stat, SteadyTime now) {
  if (empty()) oldest_ = now;
  stats_.push_back(std::move(stat));
}

std::vector<fleet::EventBody> MetricBatch::take() {
  std::vector<fleet::EventBody> bodies;
  if (!points_.empty()) bodies.emplace_back(fleet::Metrics{std::exchange(points_, {})});
  if (!stats_.empty()) bodies.emplace_back(fleet::NormStats{std::exchange(stats_, {})});
  return bodies;
}

}  // namespace autonorm::agent
