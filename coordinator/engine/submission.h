// Sweeps coming in: inserted in slices, so that a large one holds nobody up; equal trials are shared with earlier
// sweeps.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_submit(Core& core, const SubmitSweep& event, Now now);
// The next slice of the oldest submission; true while more is left.
bool continue_submission(Core& core, Now now);
// Takes back the submission of a sweep that is being cancelled; its callers get `why`.
void abandon_submission(Core& core, SweepId sweep, const Status& why);

}  // namespace autonorm::engine
