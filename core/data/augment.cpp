#include "core/data/augment.h"

#include <ATen/ops/affine_grid_generator.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/grid_sampler_2d.h>

#include <algorithm>
#include <cmath>

namespace autonorm::data {
namespace {

constexpr double kSmallestRatio = 3.0 / 4.0, kLargestRatio = 4.0 / 3.0;
constexpr uint64_t kDraws = 64;  // of a sample: four for each try, one for the flip
constexpr uint64_t kTries = 10, kFlipDraw = 40;
constexpr int64_t kBicubic = 2, kBorder = 1;  // of grid_sampler

// The largest piece in the middle whose ratio is allowed.
Crop middle(int64_t height, int64_t width) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  Crop crop{.top = 0, .left = 0, .height = height, .width = width};
  if (ratio < kSmallestRatio) crop.height = std::llround(static_cast<double>(width) / kSmallestRatio);
  if (ratio > kLargestRatio) crop.width = std::llround(static_cast<double>(height) * kLargestRatio);
  crop.top = (height - crop.height) / 2;
  crop.left = (width - crop.width) / 2;
  return crop;
}

}  // namespace

Crop CropFlip::draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const {
  const uint64_t first = static_cast<uint64_t>(sample) * kDraws;
  const auto uniform = [&](uint64_t index) { return stream_.uniform(first + index, step, micro_batch); };
  const bool flip = uniform(kFlipDraw) < 0.5;
  const auto area = static_cast<double>(height * width);
  for (uint64_t at = 0; at < 4 * kTries; at += 4) {
    const double wanted = area * (crop_min_ + (1 - crop_min_) * uniform(at));
    const double ratio =
        std::exp(std::log(kSmallestRatio) + (std::log(kLargestRatio) - std::log(kSmallestRatio)) * uniform(at + 1));
    const int64_t w = std::llround(std::sqrt(wanted * ratio)), h = std::llround(std::sqrt(wanted / ratio));
    if (w < 1 || h < 1 || w > width || h > height) continue;
    const auto place = [](double u, int64_t room) {
      return std::min<int64_t>(room, static_cast<int64_t>(u * static_cast<double>(room + 1)));
    };
    return {.top = place(uniform(at + 2), height - h),
            .left = place(uniform(at + 3), width - w),
            .height = h,
            .width = w,
            .flip = flip};
  }
  Crop crop = middle(height, width);
  crop.flip = flip;
  return crop;
}

at::Tensor resized_crops(const at::Tensor& images, const std::vector<Crop>& crops) {
  const auto height = static_cast<double>(images.size(2)), width = static_cast<double>(images.size(3));
  at::Tensor maps = at::empty({images.size(0), 2, 3}, at::kFloat);  // of places in the result to places in the image
  auto* out = maps.data_ptr<float>();
  for (const Crop& crop : crops) {
    const auto h = static_cast<double>(crop.height), w = static_cast<double>(crop.width);
    const double centre_x = (2 * static_cast<double>(crop.left) + w) / width - 1;
    const double centre_y = (2 * static_cast<double>(crop.top) + h) / height - 1;
    for (const double entry : {(crop.flip ? -w : w) / width, 0.0, centre_x, 0.0, h / height, centre_y}) {
      *out++ = static_cast<float>(entry);
    }
  }
  const at::Tensor grid = at::affine_grid_generator(maps.to(images.device()), images.sizes(), /*align_corners=*/false);
  return at::grid_sampler_2d(images, grid, kBicubic, kBorder, /*align_corners=*/false);
}

PadCrop::Shift PadCrop::draw(int64_t sample, uint32_t step, uint32_t micro_batch) const {
  constexpr uint64_t kShiftDraws = 4;  // of a sample
  const auto uniform = [&](uint64_t index) {
    return stream_.uniform(static_cast<uint64_t>(sample) * kShiftDraws + index, step, micro_batch);
  };
  const auto pixels = [](double u) { return static_cast<int64_t>(u * (2 * kPadding + 1)) - kPadding; };
  return {.down = pixels(uniform(0)), .right = pixels(uniform(1)), .flip = flips_ && uniform(2) < 0.5};
}

at::Tensor PadCrop::operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                               uint32_t micro_batch, const PixelScale& scale) const {
  const double black = scale.range == config::PixelRange::kSigned ? -1.0 : 0.0;
  const int64_t count = images.size(0), channels = images.size(1), height = images.size(2), width = images.size(3);
  at::Tensor rows = at::empty({count, 1, height, 1}, at::kLong);    // of the padded image, for each of the result
  at::Tensor columns = at::empty({count, 1, 1, width}, at::kLong);  // likewise
  auto *row = rows.mutable_data_ptr<int64_t>(), *column = columns.mutable_data_ptr<int64_t>();
  for (const int64_t sample : samples) {
    const Shift shift = draw(sample, step, micro_batch);
    for (int64_t y = 0; y < height; ++y) *row++ = y + kPadding - shift.down;
    for (int64_t x = 0; x < width; ++x) *column++ = (shift.flip ? width - 1 - x : x) + kPadding - shift.right;
  }
  const at::Tensor padded = at::constant_pad_nd(images, {kPadding, kPadding, kPadding, kPadding}, black);
  return padded.gather(2, rows.to(images.device()).expand({count, channels, height, width + 2 * kPadding}))
      .gather(3, columns.to(images.device()).expand({count, channels, height, width}));
}

at::Tensor CropFlip::operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                                uint32_t micro_batch, const PixelScale& scale) const {
  if (samples.empty()) return images;
  std::vector<Crop> crops;
  crops.reserve(samples.size());
  for (const int64_t sample : samples) {
    crops.push_back(draw(sample, step, micro_batch, images.size(2), images.size(3)));
  }
  const double least = scale.range == config::PixelRange::kSigned ? -1.0 : 0.0;
  return resized_crops(images, crops).clamp_(least, 1.0);
}

}  // namespace autonorm::data
