// The clock of tests in which no time has to pass.
#pragma once
#include "core/base/clock.h"

namespace autonorm::testing {

inline const SystemClock kSystemClock;

}  // namespace autonorm::testing
