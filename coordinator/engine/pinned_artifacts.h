// Artifacts that nobody needs any more were removed (Engine::pinned_artifacts says which must not be).
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void on_artifacts_dropped(Core& core, const ArtifactsDropped& event);

}  // namespace autonorm::engine
