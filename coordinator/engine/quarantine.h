// Workers whose trainers crash across different trials are not used until they are restarted.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// A trainer of `trial` crashed on `id`. Only crashes without a success in between count, so that one bad variant
// does not take every worker away from the others.
void note_crash(Core& core, const WorkerId& id, TrialKey trial, int signal, Now now);

}  // namespace autonorm::engine
