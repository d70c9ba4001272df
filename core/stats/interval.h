// A confidence interval, closed; a side without a bound is infinite.
#pragma once
#include <cmath>

namespace autonorm::stats {

struct Interval {
  double low = 0, high = 0;

  bool excludes_zero() const { return low > 0 || high < 0; }
  bool bounded() const { return std::isfinite(low) && std::isfinite(high); }
};

}  // namespace autonorm::stats
