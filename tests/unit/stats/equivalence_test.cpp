#include "core/stats/equivalence.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "core/stats/power.h"

namespace autonorm::stats {
namespace {

std::vector<double> scattered_differences(uint64_t seed, size_t n, double mean) {
  const RandomStream stream(seed, "test", "equivalence");
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = mean + stream.normal(i);
  return values;
}

TEST(Equivalence, NeedsAMarginTwoPairsAndSpread) {
  EXPECT_FALSE(equivalence_p(compare_paired(std::array{0.1, 0.2}, 0.05), 0));
  EXPECT_FALSE(equivalence_p(compare_paired(std::array{0.1}, 0.05), 1));
  EXPECT_FALSE(equivalence_p(compare_paired({}, 0.05), 1));
  EXPECT_FALSE(equivalence_p(compare_paired(std::array{0.1, 0.1, 0.1}, 0.05), 1));
  EXPECT_EQ(equivalence_p(compare_paired(std::array{0.0, 0.0}, 0.05), 1), 0.0);
}

TEST(Equivalence, PIsBelowAlphaExactlyWhenTheWiderIntervalLiesInside) {
  int inside_count = 0;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    const auto values = scattered_differences(seed, 4 + seed % 9, 0.3);
    const Interval interval = *compare_paired(values, 0.10).ci;
    const double margin = 1.0 + 0.2 * static_cast<double>(seed % 5);
    const bool inside = interval.low > -margin && interval.high < margin;
    EXPECT_EQ(inside, *equivalence_p(compare_paired(values, 0.05), margin) < 0.05) << "seed " << seed;
    inside_count += inside;
  }
  EXPECT_GT(inside_count, 50);
  EXPECT_LT(inside_count, 350);
}

TEST(Equivalence, IsTheSameForBothDirectionsAndFallsWithTheMargin) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    auto values = scattered_differences(seed, 6, 0.2);
    const double p = *equivalence_p(compare_paired(values, 0.05), 1);
    EXPECT_GT(p, *equivalence_p(compare_paired(values, 0.05), 2)) << "seed " << seed;
    for (double& value : values) value = -value;
    EXPECT_DOUBLE_EQ(p, *equivalence_p(compare_paired(values, 0.05), 1)) << "seed " << seed;
  }
}

TEST(Equivalence, AMeanOutsideTheMarginIsNeverEquivalent) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_GT(*equivalence_p(compare_paired(scattered_differences(seed, 8, 5), 0.05), 1), 0.5) << "seed " << seed;
  }
}

TEST(Equivalence, PowerIsTheRateOfSimulatedRejections) {
  constexpr int kSweeps = 20'000;
  int rejected = 0;
  for (uint64_t seed = 0; seed < kSweeps; ++seed) {
    rejected += *equivalence_p(compare_paired(scattered_differences(seed, 6, 0.3), 0.05), 1.5) < 0.05;
  }
  const double power = equivalence_power(6, 0.3, 1, 1.5, 0.05);
  EXPECT_NEAR(static_cast<double>(rejected) / kSweeps, power, 3 * std::sqrt(power * (1 - power) / kSweeps));
}

TEST(Equivalence, PowerAtTheMarginIsAtMostAlpha) {
  for (const int n : {2, 5, 20}) {
    for (const double margin : {0.5, 1.0, 4.0}) EXPECT_LE(equivalence_power(n, margin, 1, margin, 0.05), 0.05 + 1e-9);
  }
}

TEST(PredictedPairs, AreAbsentWhenNoNumberWouldDo) {
  EXPECT_FALSE(predicted_pairs(0, 1, 0.05));
  EXPECT_FALSE(predicted_pairs(1e-6, 1, 0.05));
  EXPECT_FALSE(predicted_equivalence_pairs(1, 1, 1, 0.05));
  EXPECT_FALSE(predicted_equivalence_pairs(0, 1, 0, 0.05));
  EXPECT_FALSE(predicted_equivalence_pairs(0.999999, 1, 1, 0.05));
  EXPECT_EQ(predicted_equivalence_pairs(0.5, 0, 1, 0.05), 2);
}

}  // namespace
}  // namespace autonorm::stats
