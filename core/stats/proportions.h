// How often variants diverge: an interval for one rate, and a paired comparison of two.
#pragma once
#include <optional>

#include "core/stats/interval.h"

namespace autonorm::stats {

// Wilson's score interval of level 1 - alpha (Wilson 1927), inside [0, 1]. Absent when n = 0. 0 <= hits <= n, alpha in
// (0, 1).
std::optional<Interval> wilson_interval(int hits, int n, double alpha);

// Exact two-sided McNemar test: `only_first` and `only_second` pairs in which one side alone was hit. Pairs that agree
// carry no information; when all agree p is 1. Both >= 0.
double mcnemar_p(int only_first, int only_second);

}  // namespace autonorm::stats
