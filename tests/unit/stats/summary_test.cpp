#include "core/stats/summary.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

TEST(Summary, OfNothingHasNoNumbers) {
  const Summary summary = summarize({});
  EXPECT_EQ(summary.n, 0u);
  EXPECT_FALSE(summary.mean || summary.sd || summary.min || summary.max);
}

TEST(Summary, OfOneValueHasNoSpread) {
  const Summary summary = summarize(std::array{0.25});
  EXPECT_EQ(summary.n, 1u);
  EXPECT_EQ(summary.mean, 0.25);
  EXPECT_EQ(summary.min, 0.25);
  EXPECT_EQ(summary.max, 0.25);
  EXPECT_FALSE(summary.sd);
}

TEST(Summary, UsesTheSampleStandardDeviation) {
  const Summary summary = summarize(std::array{2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0});
  EXPECT_DOUBLE_EQ(*summary.mean, 5.0);
  EXPECT_DOUBLE_EQ(*summary.sd, std::sqrt(32.0 / 7.0));
  EXPECT_EQ(summary.min, 2.0);
  EXPECT_EQ(summary.max, 9.0);
}

TEST(Summary, OfEqualValuesIsExact) {
  const std::vector<double> values(7, 0.1);  // 7 · 0.1 / 7 is not 0.1 in floating point
  const Summary summary = summarize(values);
  EXPECT_EQ(summary.mean, 0.1);
  EXPECT_EQ(summary.sd, 0.0);
}

TEST(Summary, DoesNotCancelForLargeOffsets) {
  const Summary summary = summarize(std::array{1e9 + 1, 1e9 + 2, 1e9 + 3});
  EXPECT_DOUBLE_EQ(*summary.mean, 1e9 + 2);
  EXPECT_DOUBLE_EQ(*summary.sd, 1.0);
}

TEST(Summary, MeanLiesBetweenMinAndMax) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const RandomStream stream(seed, "test", "summary");
    std::vector<double> values(2 + seed % 9);
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = stream.normal(i) * std::pow(10.0, static_cast<double>(seed % 7));
    const Summary summary = summarize(values);
    EXPECT_LE(*summary.min, *summary.mean) << "seed " << seed;
    EXPECT_LE(*summary.mean, *summary.max) << "seed " << seed;
    EXPECT_LE(*summary.sd, *summary.max - *summary.min) << "seed " << seed;
  }
}

}  // namespace
}  // namespace autonorm::stats
