// Cancel, pause and resume act on a sweep's claims; a trial stops when no claim wants it any more.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_act(Core& core, const ActOnSweep& event, Now now);
// A running trial whose sweeps are all paused is asked to leave.
void preempt_if_unwanted(Core& core, TrialKey key, Now now);

}  // namespace autonorm::engine
