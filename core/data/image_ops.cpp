// Roundings and the order of sums are Pillow's, whose C sources are named at each.
#include "core/data/image_ops.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numbers>
#include <span>
#include <vector>

#include "core/base/status.h"

namespace autonorm::data {
namespace {

using ByteTable = std::array<uint8_t, 256>;

std::span<uint8_t> plane_of(const ByteImage& image, int64_t channel) {
  return {image.pixels + channel * image.area(), static_cast<size_t>(image.area())};
}

template <class Function>  // of an int, within 0 … 255 or clipped
ByteTable table_of(Function function) {
  ByteTable table{};
  for (int value = 0; value < 256; ++value) {
    table[static_cast<size_t>(value)] = static_cast<uint8_t>(std::clamp(function(value), 0, 255));
  }
  return table;
}

ByteTable unchanged() {
  return table_of([](int value) { return value; });
}

void look_up(std::span<uint8_t> plane, const ByteTable& table) {
  for (uint8_t& value : plane) value = table[value];
}

void look_up(const ByteImage& image, const ByteTable& table) {
  look_up(std::span(image.pixels, static_cast<size_t>(image.size())), table);
}

// ImageOps.autocontrast without a cutoff.
ByteTable auto_contrast_table(std::span<const uint8_t> plane) {
  const auto [low, high] = std::ranges::minmax(plane);
  if (high <= low) return unchanged();
  const double scale = 255.0 / (high - low), offset = -low * scale;
  return table_of([&](int value) { return static_cast<int>(value * scale + offset); });
}

// ImageOps.equalize. The table's last entries may exceed 255 before they are clipped.
ByteTable equalize_table(std::span<const uint8_t> plane) {
  std::array<int, 256> counts{};
  for (const uint8_t value : plane) ++counts[value];
  const uint8_t highest = *std::ranges::max_element(plane);
  const int step = (static_cast<int>(plane.size()) - counts[highest]) / 255;
  if (step == 0) return unchanged();
  int sum = step / 2;
  return table_of([&](int value) {
    const int level = sum / step;
    sum += counts[static_cast<size_t>(value)];
    return level;
  });
}

ByteTable posterize_table(int bits) {
  const int dropped = (1 << (8 - std::clamp(bits, 0, 8))) - 1;
  return table_of([&](int value) { return value & ~dropped; });
}

ByteTable solarize_table(double threshold) {
  return table_of([&](int value) { return value < threshold ? value : 255 - value; });
}

ByteTable solarize_add_table(int gain) {
  return table_of([&](int value) { return value < 128 ? value + gain : value; });
}

// Blend.c: from + factor · (image − from) in float, truncated.
void blend(std::span<const uint8_t> from, double factor, const ByteImage& image) {
  const auto share = static_cast<float>(factor);
  for (size_t i = 0; i < from.size(); ++i) {
    const float value = static_cast<float>(from[i]) + share * static_cast<float>(image.pixels[i] - from[i]);
    image.pixels[i] = static_cast<uint8_t>(std::clamp(value, 0.0F, 255.0F));
  }
}

// Convert.c, L24: ITU-R 601-2 in 16-bit fixed point. [area]
std::vector<uint8_t> luma_of(const ByteImage& image) {
  std::vector<uint8_t> luma(image.pixels, image.pixels + image.area());
  if (image.channels == 1) return luma;
  const uint8_t *red = image.pixels, *green = red + image.area(), *blue = green + image.area();
  for (size_t i = 0; i < luma.size(); ++i) {
    luma[i] = static_cast<uint8_t>((red[i] * 19595 + green[i] * 38470 + blue[i] * 7471 + 0x8000) >> 16);
  }
  return luma;
}

void change_color(double factor, const ByteImage& image) {
  if (image.channels == 1) return;
  const std::vector<uint8_t> luma = luma_of(image);
  for (int64_t channel = 0; channel < image.channels; ++channel) {
    blend(luma, factor, {.pixels = plane_of(image, channel).data(), .height = image.height, .width = image.width});
  }
}

void change_contrast(double factor, const ByteImage& image) {
  int64_t sum = 0;
  for (const uint8_t value : luma_of(image)) sum += value;
  const auto mean = static_cast<uint8_t>(static_cast<double>(sum) / static_cast<double>(image.area()) + 0.5);
  blend(std::vector<uint8_t>(static_cast<size_t>(image.size()), mean), factor, image);
}

void change_brightness(double factor, const ByteImage& image) {
  blend(std::vector<uint8_t>(static_cast<size_t>(image.size())), factor, image);
}

// Filter.c with ImageFilter.SMOOTH, (1 1 1; 1 5 1; 1 1 1) / 13; pixels at the edge stay. The float sums start with one
// half and run from the lowest row up.
void smooth(const uint8_t* from, int64_t height, int64_t width, uint8_t* out) {
  constexpr float kSide = 1.0F / 13.0F, kCentre = 5.0F / 13.0F;
  const auto row_sum = [](const uint8_t* at, float centre) {
    return static_cast<float>(at[-1]) * kSide + static_cast<float>(at[0]) * centre + static_cast<float>(at[1]) * kSide;
  };
  for (int64_t y = 1; y + 1 < height; ++y) {
    for (int64_t x = 1; x + 1 < width; ++x) {
      const uint8_t* at = from + y * width + x;
      float sum = 0.5F;
      sum += row_sum(at + width, kSide);
      sum += row_sum(at, kCentre);
      sum += row_sum(at - width, kSide);
      out[y * width + x] = static_cast<uint8_t>(std::clamp(sum, 0.0F, 255.0F));
    }
  }
}

void change_sharpness(double factor, const ByteImage& image) {
  std::vector<uint8_t> smoothed(image.pixels, image.pixels + image.size());
  for (int64_t channel = 0; channel < image.channels; ++channel) {
    const int64_t first = channel * image.area();
    smooth(image.pixels + first, image.height, image.width, smoothed.data() + first);
  }
  blend(smoothed, factor, image);
}

// From places in the result to places in the image: x' = a x + b y + c, y' = d x + e y + f.
struct AffineMap {
  double a = 1, b = 0, c = 0, d = 0, e = 1, f = 0;
};

// One axis of a place between pixels: the two beside it, and the second one's share.
struct Neighbours {
  int64_t first = 0, second = 0;
  double share = 0;
};
Neighbours beside(double place, int64_t size) {
  const double low = std::floor(place - 0.5);
  const auto index = static_cast<int64_t>(low);
  return {.first = std::clamp<int64_t>(index, 0, size - 1),
          .second = std::clamp<int64_t>(index + 1, 0, size - 1),
          .share = place - 0.5 - low};
}

uint8_t interpolated(const uint8_t* plane, int64_t width, const Neighbours& y, const Neighbours& x) {
  const auto along_row = [&](int64_t row) {
    const int left = plane[row * width + x.first], right = plane[row * width + x.second];
    return left + (right - left) * x.share;
  };
  const double top = along_row(y.first), bottom = along_row(y.second);
  return static_cast<uint8_t>(top + (bottom - top) * y.share);
}

// Geometry.c: a pixel's place is its centre, the result is truncated.
void transform(const AffineMap& map, const ByteImage& image) {
  constexpr uint8_t kGrey = 128;
  const std::vector<uint8_t> source(image.pixels, image.pixels + image.size());
  std::fill_n(image.pixels, image.size(), kGrey);
  for (int64_t row = 0; row < image.height; ++row) {
    for (int64_t column = 0; column < image.width; ++column) {
      const double x = static_cast<double>(column) + 0.5, y = static_cast<double>(row) + 0.5;
      const double from_x = map.a * x + map.b * y + map.c, from_y = map.d * x + map.e * y + map.f;
      if (from_x < 0 || from_x >= static_cast<double>(image.width)) continue;
      if (from_y < 0 || from_y >= static_cast<double>(image.height)) continue;
      const Neighbours rows = beside(from_y, image.height), columns = beside(from_x, image.width);
      for (int64_t channel = 0; channel < image.channels; ++channel) {
        const int64_t first = channel * image.area();
        image.pixels[first + row * image.width + column] =
            interpolated(source.data() + first, image.width, rows, columns);
      }
    }
  }
}

// Python's round(value, 15), for values from −1 to 1.
double rounded_to_15_digits(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.begin(), text.end(), value, std::chars_format::fixed, 15).ptr;
  double rounded = 0;
  std::from_chars(text.begin(), end, rounded);
  return rounded;
}

// Image.rotate's map around the middle; its short cuts for 90, 180 and 270 degrees are left out.
AffineMap rotation(double degrees, int64_t height, int64_t width) {
  double angle = std::fmod(degrees, 360.0);
  if (angle < 0) angle += 360.0;
  const double radians = -(angle * (std::numbers::pi / 180.0));
  const double cosine = rounded_to_15_digits(std::cos(radians)), sine = rounded_to_15_digits(std::sin(radians));
  const double x = static_cast<double>(width) / 2, y = static_cast<double>(height) / 2;
  const double minus_sine = rounded_to_15_digits(-std::sin(radians));
  return {.a = cosine,
          .b = sine,
          .c = cosine * -x + sine * -y + x,
          .d = minus_sine,
          .e = cosine,
          .f = minus_sine * -x + cosine * -y + y};
}

}  // namespace

void apply(ImageOp op, double argument, const ByteImage& image) {
  AUTONORM_CHECK(image.channels == 1 || image.channels == 3, "an image of ", image.channels, " channels");
  if (image.size() == 0) return;
  const auto by_plane = [&](const auto& table) {
    for (int64_t channel = 0; channel < image.channels; ++channel) {
      const std::span<uint8_t> plane = plane_of(image, channel);
      look_up(plane, table(plane));
    }
  };
  switch (op) {
    case ImageOp::kAutoContrast:
      return by_plane(auto_contrast_table);
    case ImageOp::kEqualize:
      return by_plane(equalize_table);
    case ImageOp::kInvert:
      return look_up(image, solarize_table(0));
    case ImageOp::kRotate:
      return transform(rotation(argument, image.height, image.width), image);
    case ImageOp::kPosterize:
      return look_up(image, posterize_table(static_cast<int>(argument)));
    case ImageOp::kSolarize:
      return look_up(image, solarize_table(argument));
    case ImageOp::kSolarizeAdd:
      return look_up(image, solarize_add_table(static_cast<int>(argument)));
    case ImageOp::kColor:
      return change_color(argument, image);
    case ImageOp::kContrast:
      return change_contrast(argument, image);
    case ImageOp::kBrightness:
      return change_brightness(argument, image);
    case ImageOp::kSharpness:
      return change_sharpness(argument, image);
    case ImageOp::kShearX:
      return transform({.b = argument}, image);
    case ImageOp::kShearY:
      return transform({.d = argument}, image);
    case ImageOp::kTranslateX:
      return transform({.c = argument}, image);
    case ImageOp::kTranslateY:
      return transform({.f = argument}, image);
  }
}

}  // namespace autonorm::data
