// Failed and cancelled trials start again when people ask for it.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// Answers when the last slice is done.
void on_retry(Core& core, const RetryTrials& event, Now now);
// The next slice of the first retry that is in progress. True while there is more.
bool continue_retries(Core& core, Now now);
// Those that a restart has cut short, and what a submission that it cut short had still to revive.
void resume_retries(Core& core, std::vector<RetryRecord>&& records);

}  // namespace autonorm::engine
