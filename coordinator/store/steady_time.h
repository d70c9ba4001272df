// Steady times as columns keep them.
#pragma once
#include <chrono>
#include <cstdint>

#include "core/base/clock.h"

namespace autonorm::store {

inline int64_t steady_to_us(SteadyTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}
inline SteadyTime steady_from_us(int64_t us) { return SteadyTime(std::chrono::microseconds(us)); }

}  // namespace autonorm::store
