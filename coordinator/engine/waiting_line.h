// The order in which queued trials start. A trial's priority is that of its sweep plus its own; higher ones go first.
// Sweeps with equal ones take turns: the next slot goes to the sweep that holds the fewest, and among these to the one
// whose last turn is longest ago. Within a sweep older trials go first. A trial that several sweeps want starts on the
// first turn of any of them, and counts for all.
//
// Each sweep has one lane per kind of gang, and a turn for each lane that may start something now. Cost: O(log) per
// queued or started trial; asking for the next few looks at no others.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

Shape shape_of(const Trial& trial);
// Neither paused, halted nor cancelled, and below its max_parallel.
bool may_start(const SweepEntry& entry);
int64_t active_trials(const SweepEntry& entry);  // assigned or running

// Puts the trial into the lanes of its sweeps, or takes it out, as its state and its claims demand.
void update_queue(Core& core, TrialKey key);
// After a change of the sweep's state, share or limits.
void refresh_turns(Core& core, SweepEntry& entry);

// The next trials in the order in which they start if each finds its slots: of each kind of gang no more than fit on
// `free` slots, and one that does not.
std::vector<TrialKey> next_in_line(const Core& core, size_t free);

}  // namespace autonorm::engine
