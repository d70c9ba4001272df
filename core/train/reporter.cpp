#include "core/train/reporter.h"

#include <cmath>

namespace autonorm::train {

void Reporter::phase(const std::string& phase) {
  flush();
  sink_.phase(phase);
}

void Reporter::point(const std::string& metric, int64_t step, double value) {
  if (std::isfinite(value)) points_.push_back({metric, step, value});
}

void Reporter::flush_if_due() {
  constexpr auto kInterval = std::chrono::milliseconds(100);
  if (clock_.now().steady - last_flush_ >= kInterval) flush();
}

void Reporter::flush() {
  last_flush_ = clock_.now().steady;
  if (points_.empty()) return;
  sink_.metrics(points_);
  points_.clear();
}

}  // namespace autonorm::train
