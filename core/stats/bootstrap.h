// Bias-corrected and accelerated bootstrap interval of a mean (Efron 1987, "Better bootstrap confidence intervals").
#pragma once
#include <optional>
#include <span>

#include "core/stats/interval.h"

namespace autonorm::stats {

inline constexpr int kBootstrapResamples = 10'000;

// Two-sided interval of level 1 - alpha for the mean difference, in the unit of the differences; the same for the same
// input (the resamples come from a fixed seed). Absent when n < 2 or when all differences are equal up to rounding
// (resampling then shows no spread). Below about 20 pairs it covers less than it says. `differences`: finite. alpha in
// (0, 1). O(n · resamples).
std::optional<Interval> bca_interval(std::span<const double> differences, double alpha,
                                     int resamples = kBootstrapResamples);

}  // namespace autonorm::stats
