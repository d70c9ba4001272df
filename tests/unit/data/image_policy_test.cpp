// Policies of random operations: the draws against what they promise, the images against the operations drawn. The
// operations themselves are compared with Pillow's in tests/parity/probe/policy_parity.py.
#include "core/data/image_policy.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>

#include <array>
#include <cmath>
#include <set>

#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::data {
namespace {

constexpr int64_t kImageSide = 28;
constexpr int64_t kManySamples = 6000;

config::TrainConfig rand_augment(double magnitude = 9, double deviation = 0.5, int64_t layers = 2) {
  config::TrainConfig config;
  config.policy = config::Policy::kRandAugment;
  config.rand_magnitude = magnitude;
  config.rand_deviation = deviation;
  config.rand_layers = layers;
  return config;
}

config::TrainConfig auto_augment() {
  config::TrainConfig config;
  config.policy = config::Policy::kAutoAugment;
  return config;
}

// Within five standard errors of a share.
void expect_share(int64_t count, int64_t of, double share) {
  const auto n = static_cast<double>(of);
  EXPECT_NEAR(static_cast<double>(count) / n, share, 5 * std::sqrt(share * (1 - share) / n));
}

// [n, 1, kImageSide, kImageSide], every byte in [-1, 1] somewhere
at::Tensor some_images(int64_t n) {
  const at::Tensor bytes = at::arange(n * kImageSide * kImageSide, at::TensorOptions(at::kFloat)).remainder(256);
  return bytes.div(255).sub(0.5).div(0.5).reshape({n, 1, kImageSide, kImageSide});
}

TEST(RandAugment, AppliesHalfOfTheLayersAndEachOperationAsOften) {
  const ImagePolicy policy(7, rand_augment());
  std::array<int64_t, kImageOps> counts{};
  int64_t applied = 0, both = 0;
  for (int64_t sample = 0; sample < kManySamples; ++sample) {
    const DrawnOps drawn = policy.draw(sample, 3, 0, kImageSide, kImageSide);
    ASSERT_EQ(drawn.size(), 2U);
    for (const auto& op : drawn) {
      if (!op) continue;
      ++applied;
      ++counts.at(static_cast<size_t>(op->op));
    }
    both += drawn[0] && drawn[1] ? 1 : 0;
  }
  expect_share(applied, 2 * kManySamples, 0.5);
  expect_share(both, kManySamples, 0.25);
  for (const int64_t count : counts) expect_share(count, 2 * kManySamples, 0.5 / kImageOps);
}

TEST(RandAugment, MagnitudesAreNormalAndClipped) {
  const ImagePolicy policy(7, rand_augment(9, 0.5, 1)), clipped(7, rand_augment(9, 5, 1));
  double sum = 0, square = 0, largest = 0;
  int64_t count = 0, negative = 0;
  for (int64_t sample = 0; sample < 20 * kManySamples; ++sample) {
    const auto drawn = policy.draw(sample, 0, 2, kImageSide, kImageSide)[0];
    if (drawn && drawn->op == ImageOp::kRotate) {
      const double magnitude = std::abs(drawn->argument) / 3;
      sum += magnitude;
      square += magnitude * magnitude;
      ++count;
      negative += drawn->argument < 0 ? 1 : 0;
    }
    const auto far = clipped.draw(sample, 0, 2, kImageSide, kImageSide)[0];
    if (far && far->op == ImageOp::kTranslateX) largest = std::max(largest, std::abs(far->argument));
  }
  const auto n = static_cast<double>(count);
  const double mean = sum / n, deviation = std::sqrt(square / n - mean * mean);
  EXPECT_NEAR(mean, 9, 0.02);  // clipping at 10 takes .004 of the mean and .02 of the deviation
  EXPECT_NEAR(deviation, 0.5, 0.04);
  expect_share(negative, count, 0.5);
  EXPECT_DOUBLE_EQ(largest, 0.45 * kImageSide);
}

TEST(RandAugment, WithoutMagnitudeOperationsWithAStrengthChangeNothing) {
  const ImagePolicy policy(7, rand_augment(0, 0, 1));
  std::set<ImageOp> still;
  const at::Tensor images = some_images(1);
  for (int64_t sample = 0; sample < 400; ++sample) {
    const auto drawn = policy.draw(sample, 0, 0, kImageSide, kImageSide)[0];
    if (!drawn) continue;
    if (at::equal(policy(images, {sample}, 0, 0, {}), images)) still.insert(drawn->op);
  }
  using enum ImageOp;
  for (const ImageOp op : {kRotate, kSolarize, kSolarizeAdd, kColor, kContrast, kBrightness, kSharpness, kShearX,
                           kShearY, kTranslateX, kTranslateY, kAutoContrast}) {
    EXPECT_TRUE(still.contains(op)) << static_cast<int>(op);  // the image has every byte already
  }
  EXPECT_FALSE(still.contains(kInvert));
  EXPECT_FALSE(still.contains(kPosterize));  // keeps four bits
}

TEST(AutoAugment, AppliesThePairsOfThePolicy) {
  const ImagePolicy policy(7, auto_augment());
  int64_t applied = 0, inverted = 0;
  for (int64_t sample = 0; sample < kManySamples; ++sample) {
    const DrawnOps drawn = policy.draw(sample, 3, 0, kImageSide, kImageSide);
    ASSERT_EQ(drawn.size(), 2U);
    applied += drawn[0] ? 1 : 0;
    if (drawn[0] && drawn[0]->op == ImageOp::kInvert) ++inverted;
    if (drawn[1] && drawn[1]->op == ImageOp::kPosterize) {
      EXPECT_EQ(drawn[1]->argument, 5);
    }
  }
  expect_share(applied, kManySamples, 13.4 / 25);  // the sum of the first ones' probabilities
  expect_share(inverted, kManySamples, 0.1 / 25);
}

TEST(ImagePolicy, ASamplesOperationsDependOnItsAddressAlone) {
  for (const config::TrainConfig& config : {rand_augment(), auto_augment()}) {
    const ImagePolicy policy(7, config), other_seed(8, config);
    const at::Tensor images = some_images(16);
    const auto run = [&](const ImagePolicy& with, int64_t first, int64_t count, uint32_t step, uint32_t micro) {
      std::vector<int64_t> samples;
      for (int64_t i = 0; i < count; ++i) samples.push_back(100 + first + i);
      return with(images.narrow(0, first, count), samples, step, micro, {});
    };
    const at::Tensor all = run(policy, 0, 16, 5, 0);
    EXPECT_TRUE(at::equal(run(policy, 6, 10, 5, 0), all.narrow(0, 6, 10)));
    EXPECT_FALSE(at::equal(run(policy, 0, 16, 6, 0), all));
    EXPECT_FALSE(at::equal(run(policy, 0, 16, 5, 1), all));
    EXPECT_FALSE(at::equal(run(other_seed, 0, 16, 5, 0), all));
  }
}

TEST(ImagePolicy, ImagesWithoutAnOperationStayAndTheOthersStayInRange) {
  const ImagePolicy policy(7, rand_augment());
  const at::Tensor images = norms::random_tensor("images", {64, 3, kImageSide, kImageSide}).clamp_(-1, 1);
  const at::Tensor before = images.clone();
  std::vector<int64_t> samples(64);
  for (size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<int64_t>(i);
  const at::Tensor out = policy(images, samples, 0, 0, {}),
                   unit = policy(images.abs(), samples, 0, 0, {255, config::PixelRange::kUnit});
  EXPECT_TRUE(at::equal(images, before));
  EXPECT_LE(out.abs().max().item<float>(), 1.0F);
  EXPECT_GE(unit.min().item<float>(), 0.0F);
  EXPECT_LE(unit.max().item<float>(), 1.0F);
  for (int64_t row = 0; row < 64; ++row) {
    const DrawnOps drawn = policy.draw(row, 0, 0, kImageSide, kImageSide);
    EXPECT_EQ(at::equal(out[row], images[row]), !drawn[0] && !drawn[1]) << row;
  }
}

TEST(ImageOps, ShiftsAndFillsWithGrey) {
  std::array<uint8_t, 6> pixels{1, 2, 3, 4, 5, 6};
  const ByteImage image{.pixels = pixels.data(), .height = 2, .width = 3};
  apply(ImageOp::kTranslateX, 1, image);
  EXPECT_EQ(pixels, (std::array<uint8_t, 6>{2, 3, 128, 5, 6, 128}));
  apply(ImageOp::kTranslateY, -1, image);
  EXPECT_EQ(pixels, (std::array<uint8_t, 6>{128, 128, 128, 2, 3, 128}));
  apply(ImageOp::kPosterize, 0, image);
  EXPECT_EQ(pixels, (std::array<uint8_t, 6>{}));
}

}  // namespace
}  // namespace autonorm::data
