#include "core/data/corruption.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "core/config/catalogue.h"

namespace autonorm::data {
namespace {

using config::Corruption;

// In the order of the enumerators; by severity.
constexpr std::array<std::array<double, kSeverities>, 11> kConstants = {{
    {.04, .06, .08, .09, .10},
    {500, 250, 100, 75, 50},
    {.01, .02, .03, .05, .07},
    {.06, .1, .12, .16, .2},
    {.4, .6, .7, .8, 1},
    {.75, .5, .4, .3, .15},
    {.05, .1, .15, .2, .3},
    {.95, .9, .85, .75, .65},
    {.2, .4, .6, .8, 1},
    {1, 2, 3, 4, 5},
    {.2, .4, .6, .8, 1},
}};

double constant_of(Corruption corruption, config::CorruptionScale scale, int64_t severity) {
  const auto at = static_cast<size_t>(severity - 1);
  if (scale == config::CorruptionScale::kMnist) {
    switch (corruption) {
      case Corruption::kGaussianNoise:
        return std::array{.08, .12, .18, .26, .38}.at(at);
      case Corruption::kShotNoise:
        return std::array{60.0, 25.0, 12.0, 5.0, 3.0}.at(at);
      case Corruption::kImpulseNoise:
        return std::array{.03, .06, .09, .17, .27}.at(at);
      case Corruption::kContrast:
        return std::array{.4, .3, .2, .1, .05}.at(at);
      case Corruption::kBrightness:
        return std::array{.1, .2, .3, .4, .5}.at(at);
      default:
        break;
    }
  }
  return kConstants.at(static_cast<size_t>(corruption)).at(at);
}

struct ImageSize {
  int64_t channels, height, width;
  int64_t plane() const { return height * width; }
  int64_t values() const { return channels * plane(); }
};

float clipped(double value) { return static_cast<float>(std::clamp(value, 0.0, 1.0)); }

// The random numbers of one image at one severity.
class ImageNoise {
 public:
  ImageNoise(const RandomStream& stream, uint32_t severity, int64_t sample, int64_t values)
      : stream_(stream),
        severity_(severity),
        first_(2 * static_cast<uint64_t>(sample) * static_cast<uint64_t>(values)) {}
  // Two numbers belong to each value.
  double uniform(int64_t value, uint64_t which) const {
    return stream_.uniform(first_ + 2 * static_cast<uint64_t>(value) + which, severity_);
  }
  double normal(int64_t value) const { return stream_.normal(first_ / 2 + static_cast<uint64_t>(value), severity_); }

 private:
  const RandomStream& stream_;
  uint32_t severity_;
  uint64_t first_;
};

// The smallest k with P(Poisson(mean) ≤ k) ≥ u, by adding up; mean below 700, where its first term is still a number.
double poisson_quantile(double mean, double u) {
  double term = std::exp(-mean), sum = term, k = 0;
  while (sum < u && term > 0) {
    term *= mean / ++k;
    sum += term;
  }
  return k;
}

using Plane = std::vector<double>;

// One image, corrupted in place.
class Corrupter {
 public:
  Corrupter(ImageSize size, Corruption corruption, config::CorruptionScale scale, int64_t severity)
      : size_(size), corruption_(corruption), c_(constant_of(corruption, scale, severity)) {}

  void apply(float* image, const ImageNoise& noise) const {
    switch (corruption_) {
      case Corruption::kGaussianNoise:
        return each_value(image, [&](int64_t i, double x) { return x + c_ * noise.normal(i); });
      case Corruption::kShotNoise:
        return each_value(image,
                          [&](int64_t i, double x) { return poisson_quantile(c_ * x, noise.uniform(i, 0)) / c_; });
      case Corruption::kImpulseNoise:
        return each_value(image, [&](int64_t i, double x) {
          return noise.uniform(i, 0) > c_ ? x : static_cast<double>(noise.uniform(i, 1) > 0.5);
        });
      case Corruption::kSpeckleNoise:
        return each_value(image, [&](int64_t i, double x) { return x + c_ * x * noise.normal(i); });
      case Corruption::kGaussianBlur:
        return each_plane(image, [&](Plane& plane) { blur(plane); });
      case Corruption::kContrast:
        return each_plane(image, [&](Plane& plane) { lower_contrast(plane); });
      case Corruption::kBrightness:
        return brighten(image);
      case Corruption::kPixelate:
        return each_plane(image, [&](Plane& plane) { pixelate(plane); });
      case Corruption::kRotate:
        return each_plane(image, [&](Plane& plane) { rotate(plane, sign(noise, 0) * c_); });
      case Corruption::kTranslate:
        return each_plane(image, [&](Plane& plane) { translate(plane, sign(noise, 0) * c_, sign(noise, 1) * c_); });
      case Corruption::kShear:
        return each_plane(image, [&](Plane& plane) { shear(plane, sign(noise, 0) * c_); });
    }
  }

 private:
  static double sign(const ImageNoise& noise, uint64_t which) { return noise.uniform(0, which) < 0.5 ? -1.0 : 1.0; }

  template <class Change>
  void each_value(float* image, Change change) const {
    for (int64_t i = 0; i < size_.values(); ++i) image[i] = clipped(change(i, static_cast<double>(image[i])));
  }
  template <class Change>
  void each_plane(float* image, Change change) const {
    for (int64_t channel = 0; channel < size_.channels; ++channel) {
      float* values = image + channel * size_.plane();
      Plane plane(values, values + size_.plane());
      change(plane);
      for (int64_t i = 0; i < size_.plane(); ++i) values[i] = clipped(plane[static_cast<size_t>(i)]);
    }
  }

  // Line by line, then column by column: `along(from, to, length, stride)` writes a line.
  template <class Along>
  void both_ways(Plane& plane, Along along) const {
    Plane lines(plane.size());
    for (int64_t y = 0; y < size_.height; ++y) {
      along(plane.data() + y * size_.width, lines.data() + y * size_.width, size_.width, int64_t{1});
    }
    for (int64_t x = 0; x < size_.width; ++x) along(lines.data() + x, plane.data() + x, size_.height, size_.width);
  }

  void blur(Plane& plane) const {
    const auto radius = static_cast<int64_t>(4 * c_ + 0.5);
    std::vector<double> weights;
    double total = 0;
    for (int64_t d = -radius; d <= radius; ++d) {
      weights.push_back(std::exp(-0.5 * static_cast<double>(d * d) / (c_ * c_)));
      total += weights.back();
    }
    both_ways(plane, [&](const double* from, double* to, int64_t length, int64_t stride) {
      for (int64_t i = 0; i < length; ++i) {
        double sum = 0;
        for (int64_t d = -radius; d <= radius; ++d) {
          sum += weights[static_cast<size_t>(d + radius)] * from[std::clamp<int64_t>(i + d, 0, length - 1) * stride];
        }
        to[i * stride] = sum / total;
      }
    });
  }

  void lower_contrast(Plane& plane) const {
    double mean = 0;
    for (const double x : plane) mean += x;
    mean /= static_cast<double>(plane.size());
    for (double& x : plane) x = (x - mean) * c_ + mean;
  }

  // HSV's value is the largest channel; hue and saturation stay, so all channels grow by the same factor.
  void brighten(float* image) const {
    for (int64_t i = 0; i < size_.plane(); ++i) {
      double value = 0;
      for (int64_t k = 0; k < size_.channels; ++k)
        value = std::max(value, static_cast<double>(image[k * size_.plane() + i]));
      const double wanted = std::min(value + c_, 1.0);
      for (int64_t k = 0; k < size_.channels; ++k) {
        float& x = image[k * size_.plane() + i];
        x = clipped(value > 0 ? static_cast<double>(x) * wanted / value : wanted);
      }
    }
  }

  // Means over the pixels whose centres lie in a result's box, as Pillow's box filter takes them.
  static std::vector<double> boxed(const std::vector<double>& line, int64_t length) {
    const auto given = static_cast<int64_t>(line.size());
    const double scale = static_cast<double>(given) / static_cast<double>(length), reach = 0.5 * std::max(scale, 1.0);
    std::vector<double> out;
    for (int64_t i = 0; i < length; ++i) {
      const double centre = (static_cast<double>(i) + 0.5) * scale;
      const int64_t begin = std::max<int64_t>(0, static_cast<int64_t>(centre - reach + 0.5));
      const int64_t end = std::min(given, static_cast<int64_t>(centre + reach + 0.5));
      double sum = 0, count = 0;
      for (int64_t k = begin; k < end; ++k) {
        const double off = (static_cast<double>(k) - centre + 0.5) / std::max(scale, 1.0);
        if (off <= -0.5 || off > 0.5) continue;
        sum += line[static_cast<size_t>(k)];
        ++count;
      }
      out.push_back(sum / count);
    }
    return out;
  }

  void pixelate(Plane& plane) const {
    both_ways(plane, [&](const double* from, double* to, int64_t length, int64_t stride) {
      std::vector<double> line;
      for (int64_t i = 0; i < length; ++i) line.push_back(from[i * stride]);
      const auto fewer = std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(length) * c_));
      line = boxed(boxed(line, fewer), length);
      for (int64_t i = 0; i < length; ++i) to[i * stride] = line[static_cast<size_t>(i)];
    });
  }

  double at(const Plane& plane, int64_t x, int64_t y) const {
    if (x < 0 || y < 0 || x >= size_.width || y >= size_.height) return 0.0;
    return plane[static_cast<size_t>(y * size_.width + x)];
  }

  // place(x, y) → where in the image a pixel of the result comes from.
  template <class Place>
  void warp(Plane& plane, Place place) const {
    const Plane image = plane;
    for (int64_t y = 0; y < size_.height; ++y) {
      for (int64_t x = 0; x < size_.width; ++x) {
        const auto [u, v] = place(static_cast<double>(x), static_cast<double>(y));
        const double left = std::floor(u), top = std::floor(v), right_share = u - left, low_share = v - top;
        const auto column = static_cast<int64_t>(left), row = static_cast<int64_t>(top);
        const double high = (1 - right_share) * at(image, column, row) + right_share * at(image, column + 1, row);
        const double low =
            (1 - right_share) * at(image, column, row + 1) + right_share * at(image, column + 1, row + 1);
        plane[static_cast<size_t>(y * size_.width + x)] = (1 - low_share) * high + low_share * low;
      }
    }
  }

  void rotate(Plane& plane, double angle) const {
    const double mid_x = static_cast<double>(size_.width - 1) / 2, mid_y = static_cast<double>(size_.height - 1) / 2;
    const double cosine = std::cos(angle), sine = std::sin(angle);
    warp(plane, [&](double x, double y) {
      const double dx = x - mid_x, dy = y - mid_y;
      return std::pair{cosine * dx - sine * dy + mid_x, sine * dx + cosine * dy + mid_y};
    });
  }
  void shear(Plane& plane, double angle) const {
    const double mid_y = static_cast<double>(size_.height - 1) / 2;
    warp(plane, [&](double x, double y) {
      return std::pair{x - std::sin(angle) * (y - mid_y), std::cos(angle) * (y - mid_y) + mid_y};
    });
  }
  void translate(Plane& plane, double by_x, double by_y) const {
    warp(plane, [&](double x, double y) { return std::pair{x + by_x, y + by_y}; });
  }

  ImageSize size_;
  Corruption corruption_;
  double c_;
};

}  // namespace

at::Tensor corrupted(const at::Tensor& images, double white, int64_t first_sample, Corruption corruption,
                     config::CorruptionScale constants, int64_t severity) {
  const at::Tensor out = images.cpu().to(at::kFloat).div_(white).contiguous();  // [B, C, H, W]
  const ImageSize size{.channels = out.size(1), .height = out.size(2), .width = out.size(3)};
  const Corrupter corrupter(size, corruption, constants, severity);
  const RandomStream stream(0, "corruption", config::name(corruption));
  auto* values = out.mutable_data_ptr<float>();
  for (int64_t i = 0; i < out.size(0); ++i) {
    const ImageNoise noise(stream, static_cast<uint32_t>(severity), first_sample + i, size.values());
    corrupter.apply(values + i * size.values(), noise);
  }
  return out;
}

Split corrupted_split(const Split& split, int64_t first_sample, const PixelScale& scale, Corruption corruption,
                      config::CorruptionScale constants, int64_t severity) {
  at::Tensor images =
      corrupted(split.images, scale.white, first_sample, corruption, constants, severity);  // [n, C, H, W]
  if (scale.range == config::PixelRange::kSigned) images.sub_(0.5).div_(0.5);
  return {.images = images.to(split.images.device()), .labels = split.labels};
}

}  // namespace autonorm::data
