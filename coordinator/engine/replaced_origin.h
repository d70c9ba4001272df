// A checkpoint, or the model of a stage, that turns out damaged or gone when an attempt is to begin from it. Nothing is
// wrong with the trial: it goes on from an older checkpoint or anew; a stage trains again.
#pragma once
#include "coordinator/engine/attempts.h"

namespace autonorm::engine {

struct ReplacedOrigin {
  bool checkpoint = false;
  TrialKey stage = 0;  // to be run again once the attempt has ended; 0 = none
  explicit operator bool() const { return checkpoint || stage != 0; }
};
// Looks at `ending.unusable` of the trial's current attempt, forgets it, and adds to `ending.message` what follows.
ReplacedOrigin replace_origin(Core& core, TrialKey key, Ending& ending);

}  // namespace autonorm::engine
