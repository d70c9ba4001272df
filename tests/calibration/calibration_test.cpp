// Calibration with counts that a build server can afford; calibration_soak (T22) has the full ones. Fixed random
// numbers, so nothing flickers.
#include <gtest/gtest.h>

#include <cmath>

#include "tests/calibration/diverging_sweeps.h"
#include "tests/calibration/null_sweeps.h"

namespace autonorm::calibration {
namespace {

constexpr uint64_t kSeed = 1;

double two_errors(double rate, int64_t sweeps) {
  return 2 * std::sqrt(rate * (1 - rate) / static_cast<double>(sweeps));
}

TEST(Calibration, NormalDifferencesAreRejectedAtTheStatedLevel) {
  for (const int n : {5, 10, 20}) {
    const int64_t sweeps = 10'000, flipped = n == 20 ? 50 : 10'000;
    const TestRates rates = measure_tests(Shape::kNormal, n, kSeed, sweeps, flipped);
    EXPECT_NEAR(rates.t_false_positive.rate(), kAlpha, two_errors(kAlpha, sweeps)) << "n = " << n;
    EXPECT_NEAR(rates.sign_flip_false_positive.rate(), rates.sign_flip_level,
                two_errors(rates.sign_flip_level, flipped))
        << "n = " << n;
  }
}

TEST(Calibration, FivePairsNeverRejectBySignFlipAndHaveNoBoundedInterval) {
  EXPECT_EQ(measure_tests(Shape::kSkewed, 5, kSeed, 200, 200).sign_flip_false_positive.hits, 0);
  const Coverage coverage = measure_coverage(Shape::kSkewed, 5, kSeed, 100);
  EXPECT_EQ(coverage.bounded.hits, 0);
  EXPECT_EQ(coverage.permutation.hits, 100);
}

TEST(Calibration, PermutationIntervalsCoverWhatTheSignFlipTestAccepts) {
  const Coverage coverage = measure_coverage(Shape::kNormal, 10, kSeed, 1'000);
  EXPECT_EQ(coverage.bounded.hits, 1'000);
  EXPECT_NEAR(coverage.permutation.rate(), 1 - 0.048828125, two_errors(0.048828125, 1'000));
}

// What the docs warn of must show, or the simulation does not measure it.
TEST(Calibration, KnownWeaknessesShow) {
  EXPECT_GT(measure_tests(Shape::kSkewed, 5, kSeed, 4'000, 1).t_false_positive.rate(), 0.08);
  EXPECT_LT(measure_tests(Shape::kHeavy, 10, kSeed, 4'000, 1).t_false_positive.rate(), 0.05);
  EXPECT_LT(measure_coverage(Shape::kNormal, 5, kSeed, 300).bca.rate(), 0.90);
}

TEST(Calibration, DivergenceNeverMakesEqualVariantsBetterOrWorse) {
  constexpr int64_t kSweeps = 2'000;
  const double most = kAlpha / 2 + two_errors(kAlpha / 2, kSweeps);
  for (const Lost lost : kLostSeeds) {
    for (const int n : {3, 5, 10}) {
      const Verdicts verdicts = measure_verdicts(lost, n, kSeed, kSweeps);
      EXPECT_LE(verdicts.better.rate(), most) << name(lost) << ", n = " << n;
      EXPECT_LE(verdicts.worse.rate(), most) << name(lost) << ", n = " << n;
    }
  }
}

TEST(Calibration, WithoutTheGuardsDivergenceWouldBeRewarded) {
  EXPECT_GT(measure_verdicts(Lost::kWorstOfVariant, 10, kSeed, 1'000).unguarded_better.rate(), 0.10);
  EXPECT_GT(measure_verdicts(Lost::kWorstAgainstRandom, 10, kSeed, 1'000).unguarded_better.rate(), 0.05);
  EXPECT_GT(measure_verdicts(Lost::kWorstOfBaseline, 10, kSeed, 1'000).unguarded_worse.rate(), 0.10);
  EXPECT_GT(measure_verdicts(Lost::kRandomAgainstWorst, 10, kSeed, 1'000).unguarded_worse.rate(), 0.05);
}

}  // namespace
}  // namespace autonorm::calibration
