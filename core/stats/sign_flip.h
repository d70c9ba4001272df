// Sign-flip (randomization) test of paired differences: under "no difference" each difference is as likely as its
// negative.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/stats/interval.h"

namespace autonorm::stats {

inline constexpr size_t kExactSignFlipPairs = 14;   // up to here all 2^n sign patterns are counted
inline constexpr int64_t kSignFlipDraws = 100'000;  // beyond: random patterns from a fixed seed

// Two-sided p: the share of sign patterns whose |sum| is at least the observed one. Exact to n = 14; beyond, a
// Monte-Carlo estimate with the +1 correction, the same for the same input. Absent when n < 2. All differences 0: p 1.
// Differences that differ by rounding only (1e-12 of the sum of magnitudes) count as ties.
std::optional<double> sign_flip_p(std::span<const double> differences);

// All shifts mu for which sign_flip_p of (differences - mu) is at least alpha: the interval of level 1 - alpha that
// belongs to the test (Hartigan 1969; exact, or from the same draws as the p). A side on which no shift is rejected is
// infinite: below 6 pairs both are, at alpha 0.05. Absent when n < 2. alpha in (0, 1). O(2^n) or O(n · draws).
std::optional<Interval> sign_flip_interval(std::span<const double> differences, double alpha);

// The smallest p that n pairs can reach: 2 / 2^n. Absent when n < 2.
std::optional<double> smallest_sign_flip_p(int n);

}  // namespace autonorm::stats
