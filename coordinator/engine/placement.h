// Between the engine's state and the scheduler's snapshots.
#pragma once
#include "coordinator/engine/core_state.h"
#include "coordinator/scheduler/scheduler.h"

namespace autonorm::engine {

// Starts what fits now; keeps the reservation of the gang that has waited longest.
void place_trials(Core& core, Now now);

// For explanations. The views point into `core`.
std::vector<scheduler::Slot> connected_slots(const Core& core);
scheduler::Want want_of(const Core& core, TrialKey key);  // whoever it would rather avoid

}  // namespace autonorm::engine
