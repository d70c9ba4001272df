// Comparison of two variants over the same seeds: Student's t on the per-seed differences.
#pragma once
#include <cstddef>
#include <optional>
#include <span>

namespace autonorm::stats {

struct Interval {
  double low = 0, high = 0;
};

struct PairedComparison {
  size_t n = 0;                 // pairs
  std::optional<double> delta;  // mean difference, variant - baseline; absent when n = 0
  std::optional<double> sd;     // of the differences; absent when n < 2
  std::optional<Interval> ci;   // two-sided, level 1 - alpha; absent when n < 2
  std::optional<double> t, p;   // two-sided p of "no difference"; t is absent when sd = 0
  size_t df = 0;                // n - 1; 0 when n < 2
  std::optional<double> d_z;    // effect size delta / sd; absent when sd is absent or 0
  std::optional<double> wins;   // P(variant > baseline) over pairs, ties count one half; absent when n = 0
  bool identical = false;       // n >= 1 and every difference is exactly 0: then, for n >= 2, CI [0, 0] and p 1
};

// `differences`: finite, one per pair. alpha in (0, 1). No field is ever NaN. Differences that are all equal but not 0
// have sd 0: CI [delta, delta] and p 0, the limit of the formula.
PairedComparison compare_paired(std::span<const double> differences, double alpha);

// Quantile of Student's t: the value that a fraction `probability` lies below. df >= 1.
double student_t_quantile(double probability, double df);

}  // namespace autonorm::stats
