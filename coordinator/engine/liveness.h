// What time alone brings about: leases, start and stall timeouts, kills that are due.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_tick(Core& core, Now now);

}  // namespace autonorm::engine
