// One trial of a sweep that is coming in: inserted, shared with an earlier sweep, or run again; and the cells that
// claim it.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// Inserts the trial `index` of the submission's content or takes up the one that is there, and claims it for the sweep.
void submit_trial(Core& core, Submission& job, size_t index, Now now);
// Marks a position of the sweep's table as claimed; false when it was claimed before.
bool claim_position(SweepEntry& entry, int64_t position);

}  // namespace autonorm::engine
