// Events of attempts: fenced by (trial, attempt, token), taken in the order of their sequence numbers, each once.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// `message` holds an Event.
void on_attempt_event(Core& core, Worker& worker, const WorkerMessage& message, Now now);
void on_artifact_stored(Core& core, const ArtifactStored& event, Now now);
// Moves gathered acknowledgements into the batch.
void flush_acks(Core& core);

}  // namespace autonorm::engine
