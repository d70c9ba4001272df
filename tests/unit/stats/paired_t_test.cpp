#include "core/stats/paired_t.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

std::vector<double> normal_differences(uint64_t seed, size_t n, double mean = 0) {
  const RandomStream stream(seed, "test", "differences");
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = mean + stream.normal(i);
  return values;
}

// Student (1908), "The probable error of a mean": additional hours of sleep of ten patients, drug 2 against drug 1.
TEST(PairedT, ReproducesStudentsSleepData) {
  const std::array differences = {1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4};
  const PairedComparison result = compare_paired(differences, 0.05);
  EXPECT_EQ(result.n, 10u);
  EXPECT_EQ(result.df, 9u);
  EXPECT_DOUBLE_EQ(*result.delta, 1.58);
  EXPECT_NEAR(*result.t, 4.062128, 1e-6);
  EXPECT_NEAR(*result.p, 0.00283289, 1e-8);
  EXPECT_NEAR(result.ci->low, 0.7001142, 1e-7);
  EXPECT_NEAR(result.ci->high, 2.4598858, 1e-7);
  EXPECT_NEAR(*result.d_z, *result.t / std::sqrt(10.0), 1e-12);
  EXPECT_DOUBLE_EQ(*result.wins, 0.95);  // nine longer, one tie
}

TEST(PairedT, WithoutPairsHasNothing) {
  const PairedComparison result = compare_paired({}, 0.05);
  EXPECT_EQ(result.n, 0u);
  EXPECT_FALSE(result.delta || result.ci || result.p || result.d_z || result.wins || result.identical);
}

TEST(PairedT, OnePairHasADifferenceButNoTest) {
  const PairedComparison result = compare_paired(std::array{0.5}, 0.05);
  EXPECT_EQ(result.delta, 0.5);
  EXPECT_EQ(result.df, 0u);
  EXPECT_FALSE(result.ci || result.p || result.t || result.sd || result.d_z);
}

TEST(PairedT, AllZeroDifferencesAreIdentical) {
  const PairedComparison result = compare_paired(std::array{0.0, 0.0, 0.0}, 0.05);
  EXPECT_TRUE(result.identical);
  EXPECT_EQ(result.delta, 0.0);
  EXPECT_EQ(result.ci->low, 0.0);
  EXPECT_EQ(result.ci->high, 0.0);
  EXPECT_EQ(result.p, 1.0);
  EXPECT_FALSE(result.t || result.d_z);
}

TEST(PairedT, EqualDifferencesOtherThanZeroClaimNoCertainty) {
  const PairedComparison result = compare_paired(std::array{0.1, 0.1, 0.1}, 0.05);
  EXPECT_TRUE(result.constant);
  EXPECT_FALSE(result.identical);
  EXPECT_EQ(result.delta, 0.1);
  EXPECT_FALSE(result.ci || result.p || result.t || result.d_z);
}

TEST(PairedT, DifferencesThatDifferByRoundingOnlyAreConstant) {
  const std::array differences = {0.95 - 0.94, 0.02 - 0.01, 0.11 - 0.1};
  EXPECT_NE(differences[0], differences[1]);
  EXPECT_TRUE(compare_paired(differences, 0.05).constant);
  EXPECT_FALSE(compare_paired(std::array{0.01, 0.0101, 0.01}, 0.05).constant);
  EXPECT_FALSE(compare_paired(std::array{0.01}, 0.05).constant);
}

TEST(PairedT, SwappingTheSidesMirrorsTheResult) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    auto values = normal_differences(seed, 2 + seed % 10, 0.3);
    const PairedComparison forward = compare_paired(values, 0.05);
    for (double& value : values) value = -value;
    const PairedComparison backward = compare_paired(values, 0.05);
    EXPECT_DOUBLE_EQ(*forward.delta, -*backward.delta) << "seed " << seed;
    EXPECT_DOUBLE_EQ(*forward.p, *backward.p) << "seed " << seed;
    EXPECT_DOUBLE_EQ(forward.ci->low, -backward.ci->high) << "seed " << seed;
    EXPECT_DOUBLE_EQ(*forward.wins, 1 - *backward.wins) << "seed " << seed;
  }
}

TEST(PairedT, IntervalExcludesZeroExactlyWhenPIsBelowAlpha) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    const PairedComparison result = compare_paired(normal_differences(seed, 2 + seed % 12, 0.7), 0.05);
    const bool excludes = result.ci->low > 0 || result.ci->high < 0;
    EXPECT_EQ(excludes, *result.p < 0.05) << "seed " << seed;
  }
}

TEST(PairedT, ScalingTheDifferencesScalesTheIntervalOnly) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    auto values = normal_differences(seed, 5);
    const PairedComparison small = compare_paired(values, 0.05);
    for (double& value : values) value *= 1024;  // exact in binary
    const PairedComparison large = compare_paired(values, 0.05);
    EXPECT_DOUBLE_EQ(*small.p, *large.p) << "seed " << seed;
    EXPECT_DOUBLE_EQ(1024 * small.ci->low, large.ci->low) << "seed " << seed;
  }
}

TEST(PairedT, FalsePositiveRateIsAlphaForNormalDifferences) {
  constexpr int kSweeps = 10'000;
  for (const size_t n : {5, 10, 20}) {
    int positives = 0, covered = 0;
    for (uint64_t seed = 0; seed < kSweeps; ++seed) {
      const PairedComparison result = compare_paired(normal_differences(seed * 31 + n, n), 0.05);
      positives += *result.p < 0.05;
      covered += result.ci->low <= 0 && result.ci->high >= 0;
    }
    // Two standard errors of a share of 0.05 over 10,000 sweeps: 0.0044. The seeds are fixed, so this never flickers.
    EXPECT_NEAR(static_cast<double>(positives) / kSweeps, 0.05, 0.0044) << "n = " << n;
    EXPECT_GE(static_cast<double>(covered) / kSweeps, 0.94) << "n = " << n;
    EXPECT_LE(static_cast<double>(covered) / kSweeps, 0.96) << "n = " << n;
  }
}

}  // namespace
}  // namespace autonorm::stats
