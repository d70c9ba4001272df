// How often the intervals of core/stats hold the truth, and its tests cry wolf, over simulated sweeps without any
// effect.
#pragma once
#include <cstdint>
#include <string_view>

namespace autonorm::calibration {

enum class Shape {  // of the per-seed differences, mean 0
  kNormal,
  kSkewed,  // exponential: skewness 2
  kHeavy,   // Student t with 3 degrees of freedom: no finite kurtosis
};
std::string_view name(Shape shape);

inline constexpr double kAlpha = 0.05;

// Hits among trials of a simulation.
struct Share {
  int64_t hits = 0, of = 0;
  double rate() const { return static_cast<double>(hits) / static_cast<double>(of); }
};

struct TestRates {
  Share t_false_positive;  // the paired t interval covers 0 in exactly the other sweeps
  Share sign_flip_false_positive;
  double sign_flip_level = 0;  // the largest rate below or at alpha that n pairs can reach
};
// `sweeps` sweeps of n differences for t, `flipped` of them for the sign-flip p. n >= 2.
TestRates measure_tests(Shape shape, int n, uint64_t seed, int64_t sweeps, int64_t flipped);

struct Coverage {
  Share permutation, bca;
  Share bounded;  // permutation intervals with two finite bounds
};
Coverage measure_coverage(Shape shape, int n, uint64_t seed, int64_t sweeps);

}  // namespace autonorm::calibration
