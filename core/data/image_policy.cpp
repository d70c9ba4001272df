#include "core/data/image_policy.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "core/base/status.h"

namespace autonorm::data {
namespace {

using enum ImageOp;

// Of a layer: which operation, whether, its sign; two of the magnitude.
constexpr uint64_t kLayersAtMost = 16, kDrawsOfALayer = 8;
constexpr uint64_t kWhichDraw = 0, kWhetherDraw = 1, kSignDraw = 2, kMagnitudeDraw = 4;
constexpr double kHighestMagnitude = 10, kHighestLevel = 9;

struct LearnedOp {
  ImageOp op{};
  double probability = 0;
  int level = 0;  // 0 … 9; of no meaning where the operation has no argument
};
using LearnedPair = std::array<LearnedOp, 2>;

// Table 7 of arXiv 1805.09501.
constexpr auto kCifar10 = std::to_array<LearnedPair>({
    {{{kInvert, 0.1}, {kContrast, 0.2, 6}}},         {{{kRotate, 0.7, 2}, {kTranslateX, 0.3, 9}}},
    {{{kSharpness, 0.8, 1}, {kSharpness, 0.9, 3}}},  {{{kShearY, 0.5, 8}, {kTranslateY, 0.7, 9}}},
    {{{kAutoContrast, 0.5}, {kEqualize, 0.9}}},      {{{kShearY, 0.2, 7}, {kPosterize, 0.3, 7}}},
    {{{kColor, 0.4, 3}, {kBrightness, 0.6, 7}}},     {{{kSharpness, 0.3, 9}, {kBrightness, 0.7, 9}}},
    {{{kEqualize, 0.6}, {kEqualize, 0.5}}},          {{{kContrast, 0.6, 7}, {kSharpness, 0.6, 5}}},
    {{{kColor, 0.7, 7}, {kTranslateX, 0.5, 8}}},     {{{kEqualize, 0.3}, {kAutoContrast, 0.4}}},
    {{{kTranslateY, 0.4, 3}, {kSharpness, 0.2, 6}}}, {{{kBrightness, 0.9, 6}, {kColor, 0.2, 8}}},
    {{{kSolarize, 0.5, 2}, {kInvert, 0.0}}},         {{{kEqualize, 0.2}, {kAutoContrast, 0.6}}},
    {{{kEqualize, 0.2}, {kEqualize, 0.6}}},          {{{kColor, 0.9, 9}, {kEqualize, 0.6}}},
    {{{kAutoContrast, 0.8}, {kSolarize, 0.2, 8}}},   {{{kBrightness, 0.1, 3}, {kColor, 0.7, 0}}},
    {{{kSolarize, 0.4, 5}, {kAutoContrast, 0.9}}},   {{{kTranslateY, 0.9, 9}, {kTranslateY, 0.7, 9}}},
    {{{kAutoContrast, 0.9}, {kSolarize, 0.8, 3}}},   {{{kEqualize, 0.8}, {kInvert, 0.1}}},
    {{{kTranslateY, 0.7, 9}, {kAutoContrast, 0.9}}},
});

size_t choice(double uniform, size_t count) {
  return std::min(count - 1, static_cast<size_t>(uniform * static_cast<double>(count)));
}

// Of the operations that have a sign: the argument at `share` of the largest. `largest_shift` of the image's side.
double signed_argument(ImageOp op, double share, int64_t height, int64_t width, double largest_shift) {
  switch (op) {
    case kRotate:
      return share * 30.0;
    case kShearX:
    case kShearY:
      return share * 0.3;
    case kTranslateX:
      return share * largest_shift * static_cast<double>(width);
    case kTranslateY:
      return share * largest_shift * static_cast<double>(height);
    default:
      return 0;
  }
}

bool is_factor(ImageOp op) { return op == kColor || op == kContrast || op == kBrightness || op == kSharpness; }

// timm's. `sign`: −1 or 1.
double rand_argument(ImageOp op, double magnitude, bool increasing, double sign, int64_t height, int64_t width) {
  constexpr double kLargestShift = 0.45;
  const double share = magnitude / kHighestMagnitude;
  if (is_factor(op)) return increasing ? std::max(0.1, 1.0 + sign * share * 0.9) : share * 1.8 + 0.1;
  const double bits = std::trunc(share * 4), threshold = std::trunc(share * 256);
  if (op == kPosterize) return increasing ? 4 - bits : bits;
  if (op == kSolarize) return increasing ? 256 - threshold : threshold;
  if (op == kSolarizeAdd) return std::trunc(share * 110);
  return sign * signed_argument(op, share, height, width, kLargestShift);
}

// torchvision's, which shifts by whole pixels.
double learned_argument(const LearnedOp& learned, double sign, int64_t height, int64_t width) {
  constexpr double kLargestShift = 150.0 / 331.0;
  const double share = learned.level / kHighestLevel;
  if (is_factor(learned.op)) return 1.0 + sign * share * 0.9;
  if (learned.op == kPosterize) return 8 - std::nearbyint(share * 4);
  if (learned.op == kSolarize) return 255 - 255 * learned.level / kHighestLevel;
  const double size = signed_argument(learned.op, share, height, width, kLargestShift);
  const bool shifts = learned.op == kTranslateX || learned.op == kTranslateY;
  return sign * (shifts ? std::trunc(size) : size);
}

// [B, C, H, W] on the host
at::Tensor bytes_of(const at::Tensor& images, const PixelScale& scale) {
  const bool is_signed = scale.range == config::PixelRange::kSigned;
  const at::Tensor whole = is_signed ? images.add(1.0).mul_(127.5) : images.mul(255.0);
  return whole.round_().clamp_(0, 255).to(at::kByte).cpu().contiguous();
}

// As gather_images() has it.
at::Tensor values_of(const at::Tensor& bytes, const PixelScale& scale, const at::Tensor& like) {
  const at::Tensor values = bytes.to(like.device()).to(like.scalar_type()).div_(255.0);
  return scale.range == config::PixelRange::kSigned ? values.sub_(0.5).div_(0.5) : values;
}

// [n] on the device of `images`
at::Tensor index_of(const std::vector<int64_t>& rows, const at::Tensor& images) {
  const at::Tensor index = at::empty({static_cast<int64_t>(rows.size())}, at::TensorOptions(at::kLong));
  std::ranges::copy(rows, index.mutable_data_ptr<int64_t>());
  return index.to(images.device());
}

}  // namespace

ImagePolicy::ImagePolicy(uint64_t seed, const config::TrainConfig& config)
    : stream_(seed, "augment", "policy"),
      learned_(config.policy == config::Policy::kAutoAugment),
      layers_(learned_ ? 2 : config.rand_layers),
      magnitude_(config.rand_magnitude),
      deviation_(config.rand_deviation),
      increasing_(config.rand_increasing) {
  AUTONORM_CHECK(static_cast<uint64_t>(layers_) <= kLayersAtMost, "a policy of ", layers_, " layers");
}

DrawnOps ImagePolicy::draw(int64_t sample, uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const {
  const uint64_t first = static_cast<uint64_t>(sample) * kLayersAtMost * kDrawsOfALayer;
  const auto uniform = [&](uint64_t index) { return stream_.uniform(index, step, micro_batch); };
  const LearnedPair& pair = kCifar10[choice(uniform(first + kWhichDraw), kCifar10.size())];
  DrawnOps drawn(static_cast<size_t>(layers_));
  for (size_t layer = 0; layer < drawn.size(); ++layer) {
    const uint64_t at = first + layer * kDrawsOfALayer;
    const bool applied = uniform(at + kWhetherDraw) < (learned_ ? pair[layer].probability : 0.5);
    if (!applied) continue;
    const double sign = uniform(at + kSignDraw) < 0.5 ? -1 : 1;
    if (learned_) {
      drawn[layer] = {pair[layer].op, learned_argument(pair[layer], sign, height, width)};
      continue;
    }
    const auto op = static_cast<ImageOp>(choice(uniform(at + kWhichDraw), kImageOps));
    const double noise = stream_.normal((at + kMagnitudeDraw) / 2, step, micro_batch);
    const double magnitude = std::clamp(magnitude_ + deviation_ * noise, 0.0, kHighestMagnitude);
    drawn[layer] = {op, rand_argument(op, magnitude, increasing_, sign, height, width)};
  }
  return drawn;
}

at::Tensor ImagePolicy::operator()(const at::Tensor& images, const std::vector<int64_t>& samples, uint32_t step,
                                   uint32_t micro_batch, const PixelScale& scale) const {
  std::vector<int64_t> rows;  // of images with an operation
  std::vector<DrawnOps> changes;
  for (size_t row = 0; row < samples.size(); ++row) {
    DrawnOps drawn = draw(samples[row], step, micro_batch, images.size(2), images.size(3));
    if (std::ranges::none_of(drawn, [](const auto& op) { return op.has_value(); })) continue;
    rows.push_back(static_cast<int64_t>(row));
    changes.push_back(std::move(drawn));
  }
  if (rows.empty()) return images;
  const at::Tensor index = index_of(rows, images);
  const at::Tensor bytes = bytes_of(images.index_select(0, index), scale);  // [n, C, H, W]
  ByteImage image{bytes.mutable_data_ptr<uint8_t>(), bytes.size(1), bytes.size(2), bytes.size(3)};
  for (const DrawnOps& drawn : changes) {
    for (const auto& op : drawn) {
      if (op) apply(op->op, op->argument, image);
    }
    image.pixels += image.size();
  }
  return images.index_copy(0, index, values_of(bytes, scale, images));
}

}  // namespace autonorm::data
