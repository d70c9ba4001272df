// Cancel, pause and resume act on a sweep's claims; a trial stops when no claim wants it any more.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_act(Core& core, const ActOnSweep& event, Now now);
// The next slice of the oldest cancellation; true while more is left.
bool continue_cancellation(Core& core, Now now);
// After a restart: cancellations that were cut short.
void resume_cancellations(Core& core);
// A running trial whose sweeps are all paused is asked to leave.
void preempt_if_unwanted(Core& core, TrialKey key, Now now);

// For people who name a sweep that is not there, or that cannot go on.
Status no_such_sweep(const Core& core, SweepId sweep);
Status was_cancelled(const SweepEntry& entry);

}  // namespace autonorm::engine
