#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "core/data/dataset.h"
#include "core/kernels/gather_normalize.h"
#include "gtest/gtest.h"

namespace autonorm::data {
namespace {

// [256, 1, 1, 2]: image i is (i, 255 − i), so every byte value occurs.
at::Tensor all_bytes() {
  const at::Tensor up = at::arange(256, at::kByte);
  return at::stack({up, up.flip(0)}, 1).reshape({256, 1, 1, 2});
}

at::Tensor reference(const at::Tensor& images, const at::Tensor& indices, double scale) {
  return images.index_select(0, indices).to(at::kFloat).div(scale).sub(0.5).div(0.5);
}

TEST(GatherImages, EqualsTheFormulaBitForBit) {
  const at::Tensor indices = at::arange(255, -1, -1, at::kLong);
  for (const double scale : {16.0, 255.0}) {
    const Split split{.images = all_bytes(), .labels = at::arange(256, at::kLong)};
    const at::Tensor out = gather_images(split, indices, scale);
    EXPECT_EQ(out.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(out, reference(split.images, indices, scale))) << scale;
  }
}

TEST(GatherImages, InUnitRangeDividesByWhiteAlone) {
  const at::Tensor indices = at::arange(255, -1, -1, at::kLong);
  const Split split{.images = all_bytes(), .labels = at::arange(256, at::kLong)};
  for (const double white : {16.0, 255.0}) {
    const at::Tensor out = gather_images(split, indices, {white, config::PixelRange::kUnit});
    EXPECT_TRUE(at::equal(out, split.images.index_select(0, indices).to(at::kFloat).div(white))) << white;
  }
}

TEST(GatherImages, BlackIsMinusOneAndWhiteIsOne) {
  const Split split{.images = all_bytes(), .labels = at::arange(256, at::kLong)};
  const at::Tensor out = gather_images(split, at::zeros({1}, at::kLong), 255.0);
  EXPECT_EQ(out.flatten()[0].item<float>(), -1.0F);
  EXPECT_EQ(out.flatten()[1].item<float>(), 1.0F);
}

TEST(GatherImages, AnEmptyBatchKeepsItsShape) {
  const Split split{.images = all_bytes(), .labels = at::arange(256, at::kLong)};
  EXPECT_EQ(gather_images(split, at::empty({0}, at::kLong), 255.0).sizes(), (std::vector<int64_t>{0, 1, 1, 2}));
}

TEST(GatherNormalize, RoundsToBFloat16) {
  const at::Tensor indices = at::arange(256, at::kLong);
  const at::Tensor out = kernels::gather_normalize(all_bytes(), indices, 255.0, at::kBFloat16);
  EXPECT_TRUE(at::equal(out, reference(all_bytes(), indices, 255.0).to(at::kBFloat16)));
}

TEST(GatherNormalize, ReadsViewsThatAreNotContiguous) {
  const at::Tensor images = all_bytes().flip(3).transpose(2, 3);
  const at::Tensor indices = at::arange(0, 256, 2, at::kLong);
  EXPECT_TRUE(
      at::equal(kernels::gather_normalize(images, indices, 255.0, at::kFloat), reference(images, indices, 255.0)));
}

TEST(GatherNormalize, WrongArgumentsThrow) {
  const at::Tensor indices = at::arange(2, at::kLong);
  EXPECT_THROW(kernels::gather_normalize(all_bytes(), at::full({1}, 256, at::kLong), 255.0, at::kFloat),
               c10::IndexError);
  EXPECT_THROW(kernels::gather_normalize(all_bytes(), at::full({1}, -1, at::kLong), 255.0, at::kFloat),
               c10::IndexError);
  EXPECT_THROW(kernels::gather_normalize(all_bytes().to(at::kFloat), indices, 255.0, at::kFloat), c10::Error);
  EXPECT_THROW(kernels::gather_normalize(all_bytes(), indices, 0.0, at::kFloat), c10::Error);
  EXPECT_THROW(kernels::gather_normalize(all_bytes(), indices, 255.0, at::kDouble), c10::Error);
}

}  // namespace
}  // namespace autonorm::data
