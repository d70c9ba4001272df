#include "core/stats/proportions.h"

#include <gtest/gtest.h>

#include <boost/math/distributions/binomial.hpp>

namespace autonorm::stats {
namespace {

// Newcombe (1998), "Two-sided confidence intervals for the single proportion", table I, method 3.
TEST(Wilson, ReproducesNewcombesTable) {
  const auto common = wilson_interval(81, 263, 0.05);
  EXPECT_NEAR(common->low, 0.2553, 5e-5);
  EXPECT_NEAR(common->high, 0.3662, 5e-5);
  const auto rare = wilson_interval(1, 29, 0.05);
  EXPECT_NEAR(rare->low, 0.0061, 5e-5);
  EXPECT_NEAR(rare->high, 0.1718, 5e-5);
  const auto none = wilson_interval(0, 20, 0.05);
  EXPECT_EQ(none->low, 0.0);
  EXPECT_NEAR(none->high, 0.1611, 5e-5);
}

TEST(Wilson, StaysInsideTheUnitIntervalAndMirrors) {
  for (int n = 1; n <= 30; ++n) {
    for (int hits = 0; hits <= n; ++hits) {
      const Interval interval = *wilson_interval(hits, n, 0.05), mirror = *wilson_interval(n - hits, n, 0.05);
      EXPECT_GE(interval.low, 0) << hits << "/" << n;
      EXPECT_LE(interval.high, 1) << hits << "/" << n;
      EXPECT_LT(interval.low, interval.high) << hits << "/" << n;
      EXPECT_NEAR(interval.low, 1 - mirror.high, 1e-12) << hits << "/" << n;
    }
  }
}

TEST(Wilson, OfNothingIsAbsent) { EXPECT_FALSE(wilson_interval(0, 0, 0.05)); }

TEST(McNemar, PairsThatAgreeSayNothing) { EXPECT_EQ(mcnemar_p(0, 0), 1.0); }

TEST(McNemar, FiveAgainstNoneIsTwoOfThirtyTwo) {
  EXPECT_DOUBLE_EQ(mcnemar_p(5, 0), 2.0 / 32);
  EXPECT_DOUBLE_EQ(mcnemar_p(0, 5), 2.0 / 32);
  EXPECT_EQ(mcnemar_p(3, 3), 1.0);
}

TEST(McNemar, NeverRejectsTooOften) {
  for (int n = 1; n <= 40; ++n) {
    double rate = 0;
    for (int b = 0; b <= n; ++b) {
      if (mcnemar_p(b, n - b) < 0.05) rate += boost::math::pdf(boost::math::binomial(n, 0.5), b);
    }
    EXPECT_LE(rate, 0.05) << "n = " << n;
  }
}

}  // namespace
}  // namespace autonorm::stats
