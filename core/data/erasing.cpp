#include "core/data/erasing.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

namespace autonorm::data {
namespace {

constexpr double kSmallestPiece = 0.02, kLargestPiece = 1.0 / 3.0;
constexpr double kSmallestPieceRatio = 0.3;
constexpr uint64_t kEraseDraws = 64;  // of a sample: one for whether, four for each try
constexpr uint64_t kEraseTries = 10;

int64_t placed(double u, int64_t room) {
  return std::min<int64_t>(room, static_cast<int64_t>(u * static_cast<double>(room + 1)));
}

}  // namespace

Erasing::Erasing(uint64_t seed, double share)
    : choice_(seed, "augment", "erase"), noise_(seed, "augment", "erase.noise"), share_(share) {}

Piece Erasing::draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const {
  const uint64_t first = static_cast<uint64_t>(sample) * kEraseDraws;
  const auto uniform = [&](uint64_t index) { return choice_.uniform(first + index, step, micro_batch); };
  if (uniform(0) >= share_) return {};
  const auto area = static_cast<double>(height * width);
  for (uint64_t at = 1; at < 1 + 4 * kEraseTries; at += 4) {
    const double wanted = area * (kSmallestPiece + (kLargestPiece - kSmallestPiece) * uniform(at));
    const double ratio = std::exp(std::log(kSmallestPieceRatio) * (1 - 2 * uniform(at + 1)));  // height by width
    const int64_t h = std::llround(std::sqrt(wanted * ratio)), w = std::llround(std::sqrt(wanted / ratio));
    if (h < 1 || w < 1 || h >= height || w >= width) continue;
    return {.top = placed(uniform(at + 2), height - h),
            .left = placed(uniform(at + 3), width - w),
            .height = h,
            .width = w};
  }
  return {};
}

void Erasing::operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                         uint32_t micro_batch) const {
  const int64_t channels = images.size(1), height = images.size(2), width = images.size(3);
  for (size_t row = 0; row < samples.size(); ++row) {
    const Piece piece = draw(samples[row], step, micro_batch, height, width);
    if (piece.area() == 0) continue;
    at::Tensor noise = at::empty({channels, piece.height, piece.width}, at::TensorOptions(at::kFloat));
    auto* value = noise.mutable_data_ptr<float>();
    const auto first = static_cast<uint64_t>(samples[row]) * static_cast<uint64_t>(channels * height * width);
    for (int64_t i = 0; i < noise.numel(); ++i) {
      value[i] = static_cast<float>(noise_.normal(first + static_cast<uint64_t>(i), step, micro_batch));
    }
    piece.of(images.select(0, static_cast<int64_t>(row))).copy_(noise);
  }
}

}  // namespace autonorm::data
