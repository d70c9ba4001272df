// Failed and cancelled trials start again when people ask for it.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_retry(Core& core, const RetryTrials& event, Now now);

}  // namespace autonorm::engine
