// Between loop and sink: gathers metric points into batches, so that a fast trial does not drown whoever listens.
#pragma once
#include <chrono>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/train/run_trial.h"

namespace autonorm::train {

class Reporter {
 public:
  Reporter(ProgressSink& sink, const Clock& clock) : sink_(sink), clock_(clock), last_flush_(clock.now().steady) {}

  // Points so far go out first, so they precede whatever the phase does.
  void phase(const std::string& phase);
  // Non-finite values are left out: they cannot be stored, and the outcome says that the trial diverged.
  void point(const std::string& metric, int64_t step, double value);
  // Sends what has gathered when it is at least 100 ms old.
  void flush_if_due();
  void flush();
  ProgressSink& sink() { return sink_; }

 private:
  ProgressSink& sink_;
  const Clock& clock_;
  SteadyTime last_flush_;
  std::vector<MetricPoint> points_;
};

}  // namespace autonorm::train
