// Location and spread of the values of one cell of the report.
#pragma once
#include <cstddef>
#include <optional>
#include <span>

namespace autonorm::stats {

struct Summary {
  size_t n = 0;
  std::optional<double> mean, min, max;  // absent when n = 0
  std::optional<double> sd;              // sample standard deviation (divisor n - 1); absent when n < 2
};

// Two passes (mean, then squared deviations), so that values of equal size do not cancel. Equal values have sd exactly
// 0. Values must be finite; O(n).
Summary summarize(std::span<const double> values);

// All values are equal up to the rounding of a subtraction (sd at most 1e-9 of the largest magnitude). n >= 1.
bool has_no_spread(const Summary& summary);

}  // namespace autonorm::stats
