// Random erasing: the pieces against what they promise, the pixels inside and outside of them.
#include "core/data/erasing.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::data {
namespace {

TEST(Erasing, DrawsPiecesOfTheAreaAndRatioAskedFor) {
  constexpr int64_t kSamples = 4000, kSide = 200;
  const Erasing erasing(7, 0.25);
  int64_t erased = 0;
  double smallest = 1, largest = 0, tallest = 0;
  for (int64_t sample = 0; sample < kSamples; ++sample) {
    const Piece piece = erasing.draw(sample, 3, 0, kSide, kSide);
    if (piece.area() == 0) continue;
    ++erased;
    ASSERT_GE(piece.top, 0);
    ASSERT_GE(piece.left, 0);
    ASSERT_LE(piece.top + piece.height, kSide);
    ASSERT_LE(piece.left + piece.width, kSide);
    const double area = static_cast<double>(piece.area()) / (kSide * kSide);
    smallest = std::min(smallest, area);
    largest = std::max(largest, area);
    tallest = std::max(tallest, static_cast<double>(piece.height) / static_cast<double>(piece.width));
  }
  EXPECT_NEAR(static_cast<double>(erased) / kSamples, 0.25, 5 * std::sqrt(0.25 * 0.75 / kSamples));
  EXPECT_NEAR(smallest, 0.02, 0.005);
  EXPECT_NEAR(largest, 1.0 / 3.0, 0.01);
  EXPECT_NEAR(tallest, 1 / 0.3, 0.3);
}

TEST(Erasing, ChangesThePieceAloneIntoNormalNoise) {
  constexpr int64_t kSide = 64;
  const Erasing erasing(7, 1.0);
  const at::Tensor images = at::zeros({3, 3, kSide, kSide}).add(5.0);
  erasing(images, {4, 5, 6}, 2, 1);
  for (int64_t row = 0; row < 3; ++row) {
    const Piece piece = erasing.draw(4 + row, 2, 1, kSide, kSide);
    ASSERT_GT(piece.area(), 0);
    const at::Tensor inside = piece.of(images[row]);
    const auto count = static_cast<double>(inside.numel());
    EXPECT_NEAR(inside.mean().item<double>(), 0, 5 / std::sqrt(count));
    EXPECT_NEAR(inside.var().item<double>(), 1, 5 * std::sqrt(2 / count));
    EXPECT_EQ((images[row] == 5.0).sum().item<int64_t>(), images[row].numel() - inside.numel());
  }
}

TEST(Erasing, ASamplesNoiseDependsOnItsAddressAlone) {
  const Erasing erasing(7, 1.0), other_seed(8, 1.0);
  const auto run = [](const Erasing& with, const std::vector<int64_t>& samples, uint32_t step) {
    const at::Tensor images = at::zeros({static_cast<int64_t>(samples.size()), 1, 16, 16});
    with(images, samples, step, 0);
    return images;
  };
  const at::Tensor all = run(erasing, {10, 11, 12, 13}, 5);
  EXPECT_TRUE(at::equal(run(erasing, {12, 13}, 5), all.narrow(0, 2, 2)));
  EXPECT_FALSE(at::equal(run(erasing, {10, 11, 12, 13}, 6), all));
  EXPECT_FALSE(at::equal(run(other_seed, {10, 11, 12, 13}, 5), all));
}

TEST(Erasing, AnImageOfOnePixelStaysWhole) { EXPECT_EQ(Erasing(7, 1.0).draw(0, 0, 0, 1, 1).area(), 0); }

}  // namespace
}  // namespace autonorm::data
