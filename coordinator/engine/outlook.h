// When a waiting trial may start: what has to end first, and about how long that takes.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// "40 s", "3 min", "2 h", "5 d": rounded up, for estimates.
std::string about(double seconds);
// Until its current attempt has ended: from its speed, else from the mean of finished ones; absent when neither is
// known.
std::optional<double> seconds_left(const Core& core, const Trial& trial, Now now);
// "starts when trial X ends, in about 3 min". `ahead`: trials before it in the queue. "" = nothing that runs stands in
// its way, or nobody can say.
std::string outlook(const Core& core, TrialKey key, int64_t ahead, Now now);

}  // namespace autonorm::engine
