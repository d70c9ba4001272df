// MixUp and CutMix: shares against the distribution they come from, pixels against the formula.
#include "core/data/mixing.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::data {
namespace {

constexpr int64_t kSide = 100;
constexpr uint32_t kDraws = 6000;

config::TrainConfig mixing(double mixup, double cutmix) {
  config::TrainConfig config;
  config.mixup = mixup;
  config.cutmix = cutmix;
  return config;
}

struct Spread {
  double mean = 0, var = 0;
};
Spread spread_of_shares(const Mixing& mixing) {
  double sum = 0, square = 0;
  for (uint32_t step = 0; step < kDraws; ++step) {
    const double share = mixing.draw(step, 0, kSide, kSide).share;
    EXPECT_GE(share, 0);
    EXPECT_LE(share, 1);
    sum += share;
    square += share * share;
  }
  return {.mean = sum / kDraws, .var = square / kDraws - std::pow(sum / kDraws, 2)};
}

// Beta(a, a) has mean 1/2 and variance 1 / (4 (2a + 1)).
TEST(Mixing, SharesOfMixupAreBeta) {
  for (const double alpha : {0.05, 0.2, 0.8, 1.0, 4.0}) {
    const Spread found = spread_of_shares(Mixing(7, mixing(alpha, 0)));
    const double var = 1 / (4 * (2 * alpha + 1));
    EXPECT_NEAR(found.mean, 0.5, 5 * std::sqrt(var / kDraws)) << alpha;
    EXPECT_NEAR(found.var, var, 0.01) << alpha;
  }
  const Mixing certain(7, mixing(0.01, 0));  // nearly always 0 or 1, and never no number
  for (uint32_t step = 0; step < 100; ++step) EXPECT_TRUE(std::isfinite(certain.draw(step, 0, 8, 8).share));
}

// Sides s of the image's with density 2s (λ = 1 − s² uniform), around a uniform centre: s − s²/4 of a side remain, and
// ∫ 2s (s − s²/4)² ds = 0.3208 of the area.
TEST(Mixing, BoxesOfCutmixGiveTheirShareOfTheArea) {
  const Mixing cutmix(7, mixing(0, 1.0));
  double areas = 0;
  for (uint32_t step = 0; step < kDraws; ++step) {
    const Mix mix = cutmix.draw(step, 0, kSide, 2 * kSide);
    ASSERT_TRUE(mix.cuts);
    ASSERT_GE(mix.box.top, 0);
    ASSERT_LE(mix.box.top + mix.box.height, kSide);
    ASSERT_GE(mix.box.left, 0);
    ASSERT_LE(mix.box.left + mix.box.width, 2 * kSide);
    const double area = static_cast<double>(mix.box.area()) / (2 * kSide * kSide);
    EXPECT_DOUBLE_EQ(mix.share, 1 - area);
    areas += area / kDraws;
  }
  EXPECT_NEAR(areas, 0.3208, 0.015);  // whole pixels
}

TEST(Mixing, ProbabilityAndSwitchAreShares) {
  config::TrainConfig config = mixing(0.8, 1.0);
  config.mix_prob = 0.7;
  config.mix_switch = 0.25;
  const Mixing both(7, config);
  double mixed = 0, cut = 0;
  for (uint32_t step = 0; step < kDraws; ++step) {
    const Mix mix = both.draw(step, 0, kSide, kSide);
    if (mix.share == 1) continue;
    ++mixed;
    cut += mix.cuts ? 1 : 0;
  }
  EXPECT_NEAR(mixed / kDraws, 0.7, 0.03);
  EXPECT_NEAR(cut / mixed, 0.25, 0.03);
}

TEST(Mixing, DependsOnSeedStepAndMicroBatch) {
  const Mixing one(7, mixing(1, 0)), again(7, mixing(1, 0)), other(8, mixing(1, 0));
  EXPECT_EQ(one.draw(3, 1, 8, 8).share, again.draw(3, 1, 8, 8).share);
  EXPECT_NE(one.draw(3, 1, 8, 8).share, other.draw(3, 1, 8, 8).share);
  EXPECT_NE(one.draw(3, 1, 8, 8).share, one.draw(4, 1, 8, 8).share);
  EXPECT_NE(one.draw(3, 1, 8, 8).share, one.draw(3, 0, 8, 8).share);
}

TEST(Mixed, IsTheWeightedSumOrTheBox) {
  const at::Tensor x = norms::random_tensor("x", {2, 3, 6, 5}), y = norms::random_tensor("y", {2, 3, 6, 5});
  EXPECT_LT(norms::largest_difference(mixed(x, y, {.share = 0.3, .cuts = false, .box = {}}), x * 0.3 + y * 0.7), 1e-6);
  const at::Tensor cut =
      mixed(x, y, {.share = 0.8, .cuts = true, .box = {.top = 1, .left = 2, .height = 3, .width = 2}});
  for (int64_t row = 0; row < 6; ++row) {
    for (int64_t column = 0; column < 5; ++column) {
      const bool inside = row >= 1 && row < 4 && column >= 2 && column < 4;
      const at::Tensor& from = inside ? y : x;
      EXPECT_TRUE(norms::same_bits(cut.select(3, column).select(2, row).contiguous(),
                                   from.select(3, column).select(2, row).contiguous()));
    }
  }
}

}  // namespace
}  // namespace autonorm::data
