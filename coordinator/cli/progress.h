// A sweep's progress in words: a screen to redraw on a terminal, or lines for a pipe, printed only when something
// changed. Not thread-safe.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/control_client.h"
#include "core/base/clock.h"

namespace autonorm::cli {

class Progress {
 public:
  // Everything now: counts, a bar, one line per running trial. No line is wider than `width`.
  std::vector<std::string> screen(const WatchView& view, SteadyTime now, size_t width, size_t max_trials);
  // What is new since the last call: counts when they changed, a trial when it starts and at each quarter of its steps.
  std::vector<std::string> news(const WatchView& view, SteadyTime now);

 private:
  struct Seen {  // since when a trial's speed is measured
    Attempt attempt;
    int64_t first_step = 0;
    SteadyTime first_time;
    int quarter = -1;  // last one that news() told
  };
  void measure(const WatchView& view, SteadyTime now);
  std::optional<double> time_left_s(const engine::TrialView& trial, SteadyTime now) const;
  std::string trial_line(const engine::TrialView& trial, SteadyTime now) const;

  std::map<TrialId, Seen> seen_;
  std::map<TrialId, int64_t> told_failures_;  // by example: trials of the kind when it was last shown
  std::string last_counts_;
  std::string last_trouble_;
};

}  // namespace autonorm::cli
