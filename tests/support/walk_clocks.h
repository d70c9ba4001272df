// How long the trials of a walk have trained, as far as a bystander can tell: what run.timeout_s and
// run.stall_timeout_s have to go by. Where it is uncertain what of an attempt was kept, there is a lower and an upper
// bound.
#pragma once
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "core/config/sweep.h"

namespace autonorm::testing {

class WalkClocks {
 public:
  // Equal trials have equal limits in all sweeps of a walk.
  void add(const config::PlannedTrial& trial);
  bool limited(const TrialId& trial) const { return clocks_.contains(trial); }
  void anew(const TrialId& trial);  // nothing before counts any more

  // Of a trial that is as in `view` from now on. Call it whenever something has happened, before time passes.
  void observe(const engine::TrialView& view, SteadyTime now);
  // The attempt that was seen last, when it is over.
  std::optional<Attempt> over(const engine::TrialView& view) const;
  void saved(const TrialId& trial, SteadyTime now);  // its checkpoint is committed
  void perhaps_saved(const TrialId& trial);          // or not: the coordinator died of it
  void damaged(const TrialId& trial);                // its next attempt begins from an older one, or anew
  void stepped(const TrialId& trial, SteadyTime now);
  void restarted(SteadyTime now);  // the coordinator: it looks for steps from now on

  // What is wrong with an end for `reason` at this moment; "" = nothing.
  std::string wrong_timeout(const engine::TrialView& view, SteadyTime now) const;
  std::string wrong_stall(const engine::TrialView& view, Attempt ended, SteadyTime now) const;
  // What should have ended by now: its trainer works and its worker is there. "" = nothing.
  std::string overdue(const engine::TrialView& view, SteadyTime now) const;

 private:
  struct Bounds {
    std::chrono::milliseconds low{}, high{};
  };
  struct Clock {
    std::chrono::seconds timeout{}, stall{};
    int64_t max_attempts = 0;
    Attempt attempt, anew_after;
    std::optional<SteadyTime> running;  // of this attempt
    SteadyTime moved{};
    Bounds before, kept;  // in the checkpoint that it began from; in the newest one
    bool unsure = false;  // whether its last checkpoint is committed, and when
  };
  static std::chrono::milliseconds own_time(const Clock& clock, SteadyTime now);

  std::map<TrialId, Clock> clocks_;
};

}  // namespace autonorm::testing
