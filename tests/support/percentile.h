// Of latencies in tests and benchmarks.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

namespace autonorm::testing {

// The value that `share` of all values do not exceed; 0 without values.
inline double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  const auto place = values.begin() + std::clamp<std::ptrdiff_t>(index, 0, std::ssize(values) - 1);
  std::ranges::nth_element(values, place);
  return *place;
}

}  // namespace autonorm::testing
