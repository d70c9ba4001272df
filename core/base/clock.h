// Time as an argument. Only `main` and the loops directly below it read a clock; everything else is handed `Now`.
#pragma once
#include <chrono>

namespace autonorm {

using SteadyTime = std::chrono::steady_clock::time_point;                                        // leases, deadlines
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;  // records for people

struct Now {
  SteadyTime steady;
  WallTime wall;
};

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;  // thread-safe
};

class SystemClock final : public Clock {
 public:
  Now now() const override {
    return {std::chrono::steady_clock::now(),
            std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now())};
  }
};

inline int64_t to_us(WallTime time) { return time.time_since_epoch().count(); }
inline WallTime wall_from_us(int64_t us) { return WallTime(std::chrono::microseconds(us)); }

}  // namespace autonorm
