// Corruptions: what they promise, and that an image's noise depends on its place in the test set alone. The formulas
// themselves are checked against SciPy and Pillow (tests/parity/probe/corruption_parity.py).
#include "core/data/corruption.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>

#include "core/config/catalogue.h"
#include "gtest/gtest.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::data {
namespace {

using config::Corruption;
constexpr auto kCifar = config::CorruptionScale::kCifar;

std::vector<Corruption> all_corruptions() {
  std::vector<Corruption> all;
  for (const std::string_view word : config::words<Corruption>()) all.push_back(*config::parse_word<Corruption>(word));
  return all;
}

// Bytes around the middle, [n, channels, 12, 10].
at::Tensor pictures(int64_t n, int64_t channels) {
  return norms::random_tensor("pictures", {n, channels, 12, 10}, at::kDouble)
      .mul(40)
      .add(128)
      .clamp(0, 255)
      .to(at::kByte);
}

class EveryCorruption : public testing::TestWithParam<Corruption> {};

TEST_P(EveryCorruption, StaysWithinZeroAndOneAndChangesTheImage) {
  for (const int64_t channels : {1, 3}) {
    const at::Tensor images = pictures(4, channels);
    for (int64_t severity = 1; severity <= kSeverities; ++severity) {
      const at::Tensor out = corrupted(images, 255.0, 0, GetParam(), kCifar, severity);
      EXPECT_EQ(out.sizes(), images.sizes());
      EXPECT_GE(out.min().item<float>(), 0);
      EXPECT_LE(out.max().item<float>(), 1);
      EXPECT_GT(out.sub(images.to(at::kFloat).div(255.0)).abs().mean().item<float>(), 1e-4) << severity;
    }
  }
}

TEST_P(EveryCorruption, AnImageHasTheSameNoiseInWhateverBatchItIs) {
  const at::Tensor images = pictures(5, 1);
  const at::Tensor whole = corrupted(images, 255.0, 10, GetParam(), kCifar, 3);
  const at::Tensor parts = at::cat({corrupted(images.narrow(0, 0, 2), 255.0, 10, GetParam(), kCifar, 3),
                                    corrupted(images.narrow(0, 2, 3), 255.0, 12, GetParam(), kCifar, 3)});
  EXPECT_TRUE(norms::same_bits(whole, parts));
}

TEST_P(EveryCorruption, IsWorseTheSevererItIs) {
  const at::Tensor images = pictures(40, 1), clean = images.to(at::kFloat).div(255.0);
  const auto distance = [&](int64_t severity) {
    return corrupted(images, 255.0, 0, GetParam(), kCifar, severity).sub(clean).square().mean().item<double>();
  };
  EXPECT_LT(1.2 * distance(1), distance(5));
}

INSTANTIATE_TEST_SUITE_P(Corruption, EveryCorruption, testing::ValuesIn(all_corruptions()),
                         [](const auto& info) { return std::string(config::name(info.param)); });

TEST(Corruption, ImagesOfOneSetHaveDifferentNoise) {
  const at::Tensor images = at::full({2, 1, 8, 8}, 128, at::kByte);
  const at::Tensor out = corrupted(images, 255.0, 0, Corruption::kGaussianNoise, kCifar, 2);
  EXPECT_FALSE(norms::same_bits(out[0], out[1]));
  EXPECT_FALSE(norms::same_bits(out, corrupted(images, 255.0, 0, Corruption::kGaussianNoise, kCifar, 3)));
}

TEST(Corruption, ASplitKeepsItsLabelsAndTheModelsScale) {
  Split split{.images = pictures(6, 1), .labels = at::full({6}, 2, at::kLong)};
  const at::Tensor plain = corrupted(split.images, 255.0, 0, Corruption::kContrast, kCifar, 1);
  const Split same = corrupted_split(split, 0, {255.0, config::PixelRange::kUnit}, Corruption::kContrast, kCifar, 1);
  const Split signed_one =
      corrupted_split(split, 0, {255.0, config::PixelRange::kSigned}, Corruption::kContrast, kCifar, 1);
  EXPECT_TRUE(norms::same_bits(same.images, plain));
  EXPECT_TRUE(norms::same_bits(signed_one.images, plain.sub(0.5).div(0.5)));
  EXPECT_TRUE(norms::same_bits(same.labels, split.labels));
}

}  // namespace
}  // namespace autonorm::data
