// Holm's step-down correction (Holm 1979): bounds the chance of any false finding among m comparisons.
#pragma once
#include <optional>
#include <span>
#include <vector>

namespace autonorm::stats {

// Adjusted p-values in the order of the input: the i-th smallest p times (m - i + 1), made monotone and cut at 1. An
// absent p (no comparison possible) stays absent and is not counted in m. O(m log m).
std::vector<std::optional<double>> holm(std::span<const std::optional<double>> p);

}  // namespace autonorm::stats
