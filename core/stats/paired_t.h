// Comparison of two variants over the same seeds: Student's t on the per-seed differences.
#pragma once
#include <cstddef>
#include <optional>
#include <span>

#include "core/stats/interval.h"

namespace autonorm::stats {

struct PairedComparison {
  size_t n = 0;                 // pairs
  std::optional<double> delta;  // mean difference, variant - baseline; absent when n = 0
  std::optional<double> sd;     // of the differences; absent when n < 2
  std::optional<Interval> ci;   // two-sided, level 1 - alpha; absent when n < 2 or `constant`
  std::optional<double> t, p;   // two-sided p of "no difference", absent like ci; t is absent when `identical` too
  size_t df = 0;                // n - 1; 0 when n < 2
  std::optional<double> d_z;    // effect size delta / sd; absent when sd is absent, or t is
  std::optional<double> wins;   // P(variant > baseline) over pairs, ties count one half; absent when n = 0
  bool identical = false;       // n >= 1 and every difference is exactly 0: then, for n >= 2, CI [0, 0] and p 1
  bool constant = false;        // n >= 2, all differences equal up to rounding, and not 0: no spread to judge delta by
};

// `differences`: finite, one per pair. alpha in (0, 1). No field is ever NaN. Differences that are all equal but not 0
// have no spread to estimate; the formula's limit (an interval of width 0, p 0) would claim certainty, so CI, t, p and
// d_z are absent and `constant` says why.
PairedComparison compare_paired(std::span<const double> differences, double alpha);

// Quantile of Student's t: the value that a fraction `probability` lies below. df >= 1.
double student_t_quantile(double probability, double df);

}  // namespace autonorm::stats
