#include "core/stats/sign_flip.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

std::vector<double> centred_differences(uint64_t seed, size_t n) {
  const RandomStream stream(seed, "test", "flips");
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = stream.normal(i);
  return values;
}

// The definition, without the shortcut of the fixed first sign.
double slow_p(const std::vector<double>& values) {
  const double observed = std::abs(std::accumulate(values.begin(), values.end(), 0.0));
  int extreme = 0;
  for (uint32_t pattern = 0; pattern < (1u << values.size()); ++pattern) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += (pattern >> i & 1) != 0 ? -values[i] : values[i];
    extreme += std::abs(sum) >= observed - 1e-12;
  }
  return extreme / std::ldexp(1.0, static_cast<int>(values.size()));
}

TEST(SignFlip, NeedsTwoPairs) {
  EXPECT_FALSE(sign_flip_p({}));
  EXPECT_FALSE(sign_flip_p(std::array{1.0}));
  EXPECT_FALSE(smallest_sign_flip_p(1));
}

TEST(SignFlip, DifferencesOfOneSignReachTheBound) {
  for (int n = 2; n <= 14; ++n) {
    std::vector<double> values(static_cast<size_t>(n));
    std::iota(values.begin(), values.end(), 1.0);
    EXPECT_EQ(sign_flip_p(values), std::ldexp(2.0, -n)) << "n = " << n;
    EXPECT_EQ(smallest_sign_flip_p(n), std::ldexp(2.0, -n)) << "n = " << n;
  }
}

TEST(SignFlip, ZeroDifferencesHaveP1) { EXPECT_EQ(sign_flip_p(std::array{0.0, 0.0, 0.0, 0.0}), 1.0); }

TEST(SignFlip, AgreesWithTheDefinition) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    const auto values = centred_differences(seed, 2 + seed % 10);
    EXPECT_DOUBLE_EQ(*sign_flip_p(values), slow_p(values)) << "seed " << seed;
  }
}

TEST(SignFlip, RoundingDoesNotBreakTies) {
  // |0.1 + 0.2 + 0.3| and the sum in another order differ by an ulp; both patterns must count.
  EXPECT_EQ(sign_flip_p(std::array{0.1, 0.2, 0.3, -0.6}), 1.0);
}

TEST(SignFlip, BeyondFourteenPairsDrawsRepeatably) {
  const auto values = centred_differences(3, 20);
  const auto first = sign_flip_p(values);
  EXPECT_EQ(first, sign_flip_p(values));
  EXPECT_GT(*first, 0.0);
  EXPECT_LE(*first, 1.0);
}

TEST(SignFlip, DrawnPIsCloseToTheExactOne) {
  // A zero difference changes nothing but the number of pairs: 14 exact pairs and the same with one zero more.
  for (uint64_t seed = 0; seed < 4; ++seed) {
    auto values = centred_differences(seed, 14);
    const double exact = *sign_flip_p(values);
    values.push_back(0.0);
    const double drawn = *sign_flip_p(values);
    const double error = std::sqrt(exact * (1 - exact) / static_cast<double>(kSignFlipDraws));
    EXPECT_NEAR(drawn, exact, 4 * error + 1.0 / static_cast<double>(kSignFlipDraws)) << "seed " << seed;
  }
}

TEST(SignFlip, OneSidedDrawsKeepThePlusOneCorrection) {
  const std::vector<double> values(40, 1.0);
  EXPECT_DOUBLE_EQ(*sign_flip_p(values), 1.0 / static_cast<double>(kSignFlipDraws + 1));
}

TEST(SignFlipInterval, IsUnboundedBelowSixPairsAndSaysSo) {
  for (size_t n = 2; n <= 5; ++n) {
    const auto interval = sign_flip_interval(centred_differences(1, n), 0.05);
    EXPECT_EQ(interval->low, -HUGE_VAL) << "n = " << n;
    EXPECT_EQ(interval->high, HUGE_VAL) << "n = " << n;
  }
  EXPECT_TRUE(sign_flip_interval(centred_differences(1, 6), 0.05)->bounded());
  EXPECT_FALSE(sign_flip_interval(std::array{1.0}, 0.05));
}

// p(mu) >= alpha inside, < alpha outside, on both sides of each bound.
TEST(SignFlipInterval, HoldsExactlyTheShiftsThatTheTestKeeps) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    const auto values = centred_differences(seed, 6 + seed % 6);
    const double alpha = seed % 2 == 0 ? 0.05 : 0.2;
    const Interval interval = *sign_flip_interval(values, alpha);
    const auto p_at = [&](double shift) {
      auto moved = values;
      for (double& value : moved) value -= shift;
      return *sign_flip_p(moved);
    };
    const double step = 1e-7;
    EXPECT_GE(p_at(interval.low + step), alpha) << "seed " << seed;
    EXPECT_LT(p_at(interval.low - step), alpha) << "seed " << seed;
    EXPECT_GE(p_at(interval.high - step), alpha) << "seed " << seed;
    EXPECT_LT(p_at(interval.high + step), alpha) << "seed " << seed;
  }
}

TEST(SignFlipInterval, BeyondFourteenPairsAgreesWithTheDrawnTest) {
  const auto values = centred_differences(9, 18);
  const Interval interval = *sign_flip_interval(values, 0.05);
  auto moved = values;
  for (double& value : moved) value -= interval.low - 1e-9;
  EXPECT_LT(*sign_flip_p(moved), 0.05);
  for (size_t i = 0; i < moved.size(); ++i) moved[i] = values[i] - interval.low - 1e-9;
  EXPECT_GE(*sign_flip_p(moved), 0.05);
}

TEST(SignFlipInterval, OfEqualDifferencesIsTheirValue) {
  const Interval interval = *sign_flip_interval(std::vector<double>(7, 0.25), 0.05);
  EXPECT_EQ(interval.low, 0.25);
  EXPECT_EQ(interval.high, 0.25);
}

TEST(SignFlip, FalsePositiveRateIsTheAttainableLevel) {
  constexpr int kSweeps = 10'000;
  int positives = 0;
  for (uint64_t seed = 0; seed < kSweeps; ++seed) positives += *sign_flip_p(centred_differences(seed, 6)) < 0.05;
  const double level = 2.0 / 64;  // the largest multiple of 2/2^6 below 0.05
  EXPECT_NEAR(static_cast<double>(positives) / kSweeps, level, 2 * std::sqrt(level * (1 - level) / kSweeps));
}

}  // namespace
}  // namespace autonorm::stats
