#include "core/stats/power.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"

namespace autonorm::stats {
namespace {

using testing::HasSubstr;

TEST(Power, WithoutAnEffectIsAlpha) {
  for (const double alpha : {0.05, 0.005}) {
    for (const int n : {2, 5, 50}) EXPECT_NEAR(paired_t_power(n, 0, alpha), alpha, 1e-8) << "n = " << n;
  }
}

TEST(Power, GrowsWithPairsAndEffect) {
  for (int n = 2; n < 40; ++n) {
    EXPECT_LT(paired_t_power(n, 0.5, 0.05), paired_t_power(n + 1, 0.5, 0.05)) << "n = " << n;
    EXPECT_LT(paired_t_power(n, 0.5, 0.05), paired_t_power(n, 0.6, 0.05)) << "n = " << n;
  }
}

// Cohen (1988), one-sample two-sided t-test at 0.05 and 80 %: d = 0.5 needs 34, d = 0.2 needs 199 observations.
TEST(Power, PairsNeededMatchPublishedTables) {
  EXPECT_EQ(pairs_needed(0.5, 1, 0.05), 34);
  EXPECT_EQ(pairs_needed(0.2, 1, 0.05), 199);
  EXPECT_EQ(pairs_needed(0.8, 1, 0.05), 15);
}

TEST(Power, PairsNeededOfNoDifferenceAreUnknown) {
  EXPECT_FALSE(pairs_needed(0, 1, 0.05));
  EXPECT_FALSE(pairs_needed(1e-6, 1, 0.05));
  EXPECT_EQ(pairs_needed(0.1, 0, 0.05), 2);
}

TEST(Power, DetectableDifferenceHasExactlyTheWantedPower) {
  for (const int n : {2, 3, 5, 20, 1000}) {
    const double difference = *smallest_detectable_difference(n, 0.01, 0.05);
    EXPECT_NEAR(paired_t_power(n, difference / 0.01, 0.05), 0.8, 1e-6) << "n = " << n;
  }
  EXPECT_FALSE(smallest_detectable_difference(1, 0.01, 0.05));
  EXPECT_EQ(smallest_detectable_difference(5, 0, 0.05), 0.0);
}

TEST(Power, SurvivesTheCriticalValuesOfTwoSeedsUnderHolm) {
  const double difference = *smallest_detectable_difference(2, 1, 1e-9);
  EXPECT_GT(difference, 1e8);
  EXPECT_NEAR(paired_t_power(2, difference, 1e-9), 0.8, 1e-6);
}

TEST(Power, SignFlipNeedsTheSeedsOfTheDesign) {
  EXPECT_EQ(sign_flip_pairs_needed(1, 0.05), 6);
  EXPECT_EQ(sign_flip_pairs_needed(10, 0.05), 9);
}

TEST(PowerCheckText, NamesSpreadsBoundAndHolm) {
  EXPECT_EQ(
      power_check_text(5, 10, 0.005, 0.05),
      "power check: smallest difference that 5 paired seeds detect with 80 % power (alpha 0.05), by the spread of the "
      "differences\n"
      "  spread 0.0025 (0.5 margins): detects 0.0042, with Holm over 10 comparisons 0.0079\n"
      "  spread 0.005 (1 margin): detects 0.0084, with Holm over 10 comparisons 0.016\n"
      "  spread 0.01 (2 margins): detects 0.017, with Holm over 10 comparisons 0.032\n"
      "  sign-flip test: smallest reachable p is 2/2^5 = 0.0625, not below alpha 0.05: needs n >= 6; with Holm over 10 "
      "comparisons n >= 9\n");
}

// What is known takes the place of what is supposed.
TEST(PowerCheckText, UsesAKnownSpread) {
  const std::string known = power_check_text(5, 10, 0.005, 0.05, KnownSpread{.sd = 0.01, .pairs = 12});
  EXPECT_THAT(known, HasSubstr("\n  spread 0.01, known from 12 pairs of past trials of these cells: detects "));
  EXPECT_THAT(known, testing::Not(HasSubstr("margin")));
}

TEST(PowerCheckText, SixSeedsReachTheSignFlipLevel) {
  EXPECT_THAT(power_check_text(6, 1, 0.005, 0.05), HasSubstr("2/2^6 = 0.0312, below alpha 0.05\n"));
}

TEST(PowerCheckText, OneSeedSaysThatNoComparisonIsPossible) {
  EXPECT_THAT(power_check_text(1, 5, 0.005, 0.05), HasSubstr("one seed: no comparison is possible"));
  EXPECT_THAT(*power_problem(1, 5, 0.005, 0.05), HasSubstr("no comparison is possible"));
}

TEST(PowerCheckText, WithoutMarginUsesStandardDeviations) {
  EXPECT_THAT(power_check_text(5, 1, 0, 0.05), HasSubstr("in standard deviations of the differences: detects 1.7\n"));
  EXPECT_FALSE(power_problem(5, 1, 0, 0.05));
}

TEST(PowerCheckText, TheBaselineAloneHasNothingToCompare) {
  EXPECT_EQ(power_check_text(5, 0, 0.005, 0.05), "power check: no comparison: the baseline is the only variant.\n");
}

TEST(PowerProblem, NamesTheSeedsThatWouldDo) {
  EXPECT_THAT(*power_problem(5, 10, 0.005, 0.05), HasSubstr("use at least 8 seeds"));
  EXPECT_FALSE(power_problem(8, 10, 0.005, 0.05));
  EXPECT_FALSE(power_problem(5, 1, 0.005, 0.05));
}

TEST(PowerProblem, GoesByTheSpreadOfPastTrialsWhereItIsKnown) {
  const KnownSpread wide{.sd = 0.01, .pairs = 12}, narrow{.sd = 0.001, .pairs = 12}, none{.sd = 0, .pairs = 2};
  const auto problem = power_problem(5, 1, 0.005, 0.05, wide);
  ASSERT_TRUE(problem);
  EXPECT_THAT(*problem, HasSubstr("when the differences spread by 0.01 as in 12 pairs of past trials of these cells"));
  EXPECT_THAT(*problem, HasSubstr(cat("use at least ", *pairs_needed(0.005, 0.01, 0.05), " seeds")));
  EXPECT_TRUE(power_problem(5, 10, 0.005, 0.05));
  EXPECT_FALSE(power_problem(5, 10, 0.005, 0.05, narrow)) << "half a margin would have been too much";
  EXPECT_EQ(power_problem(5, 10, 0.005, 0.05, none), power_problem(5, 10, 0.005, 0.05)) << "no spread tells nothing";
}

}  // namespace
}  // namespace autonorm::stats
