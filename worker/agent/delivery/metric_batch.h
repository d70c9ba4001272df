// Metric points and norm statistics on their way into events: many per event, none older than kInterval.
#pragma once
#include <chrono>
#include <vector>

#include "core/base/clock.h"
#include "core/messages/fleet.h"

namespace autonorm::agent {

class MetricBatch {
 public:
  static constexpr std::chrono::milliseconds kInterval{100};
  static constexpr size_t kAtOnce = 2000;  // of either kind in one event

  void add(fleet::MetricPoint point, SteadyTime now);
  void add(fleet::NormStat stat, SteadyTime now);
  bool full() const { return points_.size() >= kAtOnce || stats_.size() >= kAtOnce; }
  // The oldest has waited long enough.
  bool due(SteadyTime now) const { return !empty() && now - oldest_ >= kInterval; }
  // What there is, as events; empties it.
  std::vector<fleet::EventBody> take();

 private:
  bool empty() const { return points_.empty() && stats_.empty(); }

  std::vector<fleet::MetricPoint> points_;
  std::vector<fleet::NormStat> stats_;
  SteadyTime oldest_{};
};

}  // namespace autonorm::agent
