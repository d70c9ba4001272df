// Why a trial is where it is, in words that name numbers and what would move it.
#pragma once
#include "coordinator/engine/core_state.h"
#include "coordinator/scheduler/scheduler.h"

namespace autonorm::engine {

// Keeps the snapshot of the slots, so that explaining all trials of a sweep looks at the workers once. The core must
// not change meanwhile.
class Explainer {
 public:
  explicit Explainer(const Core& core);
  // Why it waits, what happened last, or how it ended; "" for a trial that runs or succeeded as it should.
  std::string reason(TrialKey key);

  // When it may start, as far as one can say; "" = nobody can.
  std::string outlook(TrialKey key, Now now);

 private:
  std::string queued_reason(TrialKey key);
  std::string waiting_reason(const Trial& trial) const;
  std::string held_reason(const Trial& trial) const;
  std::optional<int64_t> fewest_ahead(TrialKey key);
  std::string turn_reason(TrialKey key, int64_t ahead);
  // The sweep's queued trials in their order.
  const std::vector<QueueKey>& line_of(int64_t sweep);
  int64_t ahead_of(TrialKey key, const SweepEntry& own);

  const Core& core_;
  std::vector<scheduler::Slot> slots_;
  std::map<int64_t, std::vector<QueueKey>> lines_;  // by sweep, as far as they were asked for
};

}  // namespace autonorm::engine
