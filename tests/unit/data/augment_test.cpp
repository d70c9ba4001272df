// Random crops and flips: the resizing against ATen's on the piece itself, the draws against what they promise.
#include "core/data/augment.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/upsample_bicubic2d.h>

#include <cmath>

#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::data {
namespace {

constexpr int64_t kSide = 24;

TEST(ResizedCrops, AWholeImageIsItselfAndAFlipItsMirror) {
  const at::Tensor images = norms::random_tensor("images", {2, 3, kSide, kSide});
  const at::Tensor out =
      resized_crops(images, {{.height = kSide, .width = kSide}, {.height = kSide, .width = kSide, .flip = true}});
  EXPECT_LT(norms::largest_difference(out[0], images[0]), 1e-4);
  EXPECT_LT(norms::largest_difference(out[1], images[1].flip(2)), 1e-4);
}

TEST(ResizedCrops, AreThePiecesResized) {
  const at::Tensor image = norms::random_tensor("image", {1, 2, kSide, kSide});
  for (const Crop& crop : {Crop{.top = 3, .left = 5, .height = 12, .width = 16}, Crop{.height = 8, .width = 6},
                           Crop{.top = 14, .left = 12, .height = 10, .width = 12, .flip = true}}) {
    const at::Tensor piece = image.narrow(2, crop.top, crop.height).narrow(3, crop.left, crop.width);
    at::Tensor expected = at::upsample_bicubic2d(piece, {kSide, kSide}, /*align_corners=*/false);
    if (crop.flip) expected = expected.flip(3);
    const at::Tensor found = resized_crops(image, {crop});
    // Within two of the piece's pixels of its edge the two read different neighbours.
    const int64_t edge = 2 * kSide / std::min(crop.height, crop.width) + 1, inside = kSide - 2 * edge;
    const auto centre = [&](const at::Tensor& t) { return t.narrow(2, edge, inside).narrow(3, edge, inside); };
    EXPECT_LT(norms::largest_difference(centre(found), centre(expected)), 1e-4);
  }
}

TEST(CropFlip, DrawsPiecesOfTheAreaAndRatioAskedFor) {
  const CropFlip augment(7, 0.2);
  int64_t flips = 0;
  double smallest = 1, largest = 0;
  constexpr int64_t kSamples = 4000, kLong = 200;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    const Crop crop = augment.draw(sample, 3, 0, kLong, kLong);
    ASSERT_GE(crop.top, 0);
    ASSERT_GE(crop.left, 0);
    ASSERT_LE(crop.top + crop.height, kLong);
    ASSERT_LE(crop.left + crop.width, kLong);
    const double area = static_cast<double>(crop.height * crop.width) / (kLong * kLong);
    smallest = std::min(smallest, area);
    largest = std::max(largest, area);
    const double ratio = static_cast<double>(crop.width) / static_cast<double>(crop.height);
    EXPECT_GT(ratio, 0.75 * 0.98);  // sides are whole pixels
    EXPECT_LT(ratio, 1.02 / 0.75);
    flips += crop.flip ? 1 : 0;
  }
  EXPECT_NEAR(smallest, 0.2, 0.01);
  EXPECT_GT(largest, 0.9);
  EXPECT_NEAR(static_cast<double>(flips) / kSamples, 0.5, 6 * 0.5 / std::sqrt(kSamples));
}

TEST(CropFlip, ASamplesPieceDependsOnItsAddressAlone) {
  const CropFlip augment(7, 0.2), other_seed(8, 0.2);
  const at::Tensor images = norms::random_tensor("images", {4, 1, kSide, kSide}).clamp_(-1, 1);
  const at::Tensor all = augment(images, {10, 11, 12, 13}, 5, 0, {});
  EXPECT_TRUE(at::equal(augment(images.narrow(0, 2, 2), {12, 13}, 5, 0, {}), all.narrow(0, 2, 2)));
  EXPECT_FALSE(at::equal(augment(images, {10, 11, 12, 13}, 6, 0, {}), all));
  EXPECT_FALSE(at::equal(other_seed(images, {10, 11, 12, 13}, 5, 0, {}), all));
  EXPECT_LE(all.abs().max().item<float>(), 1.0F);
  EXPECT_GE(augment(images.abs(), {1, 2, 3, 4}, 0, 0, {255.0, config::PixelRange::kUnit}).min().item<float>(), 0.0F);
}

TEST(CropFlip, ALongImageFallsBackToItsMiddle) {
  const Crop crop = CropFlip(7, 1.0).draw(0, 0, 0, 10, 100);  // no piece of the whole area has an allowed ratio
  EXPECT_EQ(crop.height, 10);
  EXPECT_EQ(crop.width, 13);
  EXPECT_EQ(crop.left, 43);
}

}  // namespace
}  // namespace autonorm::data
