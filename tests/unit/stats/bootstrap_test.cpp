#include "core/stats/bootstrap.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "core/stats/summary.h"

namespace autonorm::stats {
namespace {

std::vector<double> skewed_differences(uint64_t seed, size_t n) {
  const RandomStream stream(seed, "test", "bootstrap");
  std::vector<double> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = -std::log(stream.uniform(i));
  return values;
}

TEST(Bootstrap, NeedsTwoDifferentValues) {
  EXPECT_FALSE(bca_interval({}, 0.05));
  EXPECT_FALSE(bca_interval(std::array{1.0}, 0.05));
  EXPECT_FALSE(bca_interval(std::array{0.0, 0.0, 0.0}, 0.05));
  EXPECT_FALSE(bca_interval(std::array{0.1, 0.1, 0.1}, 0.05));
  EXPECT_TRUE(bca_interval(std::array{0.1, 0.2}, 0.05));
}

TEST(Bootstrap, IsRepeatable) {
  const auto values = skewed_differences(1, 8);
  const auto first = bca_interval(values, 0.05), second = bca_interval(values, 0.05);
  EXPECT_EQ(first->low, second->low);
  EXPECT_EQ(first->high, second->high);
}

TEST(Bootstrap, LiesWithinTheDataAndAroundTheMean) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    const auto values = skewed_differences(seed, 3 + seed % 10);
    const Summary summary = summarize(values);
    const auto interval = bca_interval(values, 0.05, 2000);
    EXPECT_GE(interval->low, *summary.min) << "seed " << seed;
    EXPECT_LE(interval->high, *summary.max) << "seed " << seed;
    EXPECT_LE(interval->low, *summary.mean) << "seed " << seed;
    EXPECT_GE(interval->high, *summary.mean) << "seed " << seed;
  }
}

TEST(Bootstrap, MovesAndScalesWithTheData) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    auto values = skewed_differences(seed, 7);
    const auto plain = bca_interval(values, 0.05, 2000);
    for (double& value : values) value = 8 * value + 3;
    const auto moved = bca_interval(values, 0.05, 2000);
    EXPECT_NEAR(moved->low, 8 * plain->low + 3, 1e-9) << "seed " << seed;
    EXPECT_NEAR(moved->high, 8 * plain->high + 3, 1e-9) << "seed " << seed;
  }
}

TEST(Bootstrap, LeansTowardsTheLongTail) {
  double above = 0, below = 0;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto values = skewed_differences(seed, 15);
    const auto interval = bca_interval(values, 0.05, 2000);
    above += interval->high - *summarize(values).mean;
    below += *summarize(values).mean - interval->low;
  }
  EXPECT_GT(above, 1.2 * below);  // a plain percentile interval leans by about 1.1
}

TEST(Bootstrap, HigherConfidenceIsWider) {
  const auto values = skewed_differences(4, 12);
  const auto wide = bca_interval(values, 0.01), narrow = bca_interval(values, 0.1);
  EXPECT_LT(wide->low, narrow->low);
  EXPECT_GT(wide->high, narrow->high);
}

TEST(Bootstrap, SurvivesAbsurdLevels) {
  const auto interval = bca_interval(skewed_differences(5, 6), 1e-12);
  EXPECT_TRUE(interval->bounded());
}

}  // namespace
}  // namespace autonorm::stats
