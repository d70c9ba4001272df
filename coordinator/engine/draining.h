// Workers that people take out of use, and give back.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_drain(Core& core, const DrainWorkers& event, Now now);
// What a worker trains that was drained at once; after a restart, when the request to leave may have been lost.
void preempt_if_drained(Core& core, TrialKey key, Now now);

}  // namespace autonorm::engine
