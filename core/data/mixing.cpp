#include "core/data/mixing.h"

#include <ATen/ops/lerp.h>

#include <algorithm>
#include <cmath>

namespace autonorm::data {
namespace {

// ln of a Gamma(alpha, 1) number: Marsaglia & Tsang (2000), for alpha < 1 from Gamma(alpha + 1). The logarithm, because
// a small alpha's numbers underflow.
double log_gamma_draw(const RandomStream& stream, double alpha, uint32_t a, uint32_t b) {
  const double shape = alpha < 1 ? alpha + 1 : alpha;
  const double d = shape - 1.0 / 3.0, c = 1.0 / std::sqrt(9.0 * d);
  const double boost = alpha < 1 ? std::log(stream.uniform(0, a, b)) / alpha : 0.0;
  for (uint64_t attempt = 1;; ++attempt) {
    const double x = stream.normal(2 * attempt, a, b);  // words 4 · attempt and the next
    const double root = 1.0 + c * x;
    if (root <= 0) continue;
    const double v = root * root * root;
    const double u = stream.uniform(4 * attempt + 2, a, b);
    if (std::log(u) < 0.5 * x * x + d - d * v + d * std::log(v)) return std::log(d * v) + boost;
  }
}

// `length` pixels around `centre`, within [0, size).
std::pair<int64_t, int64_t> around(int64_t centre, int64_t length, int64_t size) {
  const int64_t first = std::clamp<int64_t>(centre - length / 2, 0, size);
  return {first, std::clamp<int64_t>(centre + length / 2, 0, size) - first};
}

Piece box_of(double share, double row, double column, int64_t height, int64_t width) {
  const double side = std::sqrt(1.0 - share);
  const auto part = [&](int64_t size) { return static_cast<int64_t>(static_cast<double>(size) * side); };
  const auto pixel = [](double u, int64_t size) {
    return std::min<int64_t>(size - 1, static_cast<int64_t>(u * static_cast<double>(size)));
  };
  const auto [top, box_height] = around(pixel(row, height), part(height), height);
  const auto [left, box_width] = around(pixel(column, width), part(width), width);
  return {.top = top, .left = left, .height = box_height, .width = box_width};
}

}  // namespace

Mixing::Mixing(uint64_t seed, const config::TrainConfig& config)
    : choice_(seed, "augment", "mix"),
      first_(seed, "augment", "mix.first"),
      second_(seed, "augment", "mix.second"),
      mixup_(config.mixup),
      cutmix_(config.cutmix),
      probability_(config.mix_prob),
      switch_(config.mix_switch) {}

// Of two Gamma numbers, g / (g + g').
double Mixing::beta(double alpha, uint32_t step, uint32_t micro_batch) const {
  const double own = log_gamma_draw(first_, alpha, step, micro_batch);
  const double other = log_gamma_draw(second_, alpha, step, micro_batch);
  return 1.0 / (1.0 + std::exp(other - own));
}

Mix Mixing::draw(uint32_t step, uint32_t micro_batch, int64_t height, int64_t width) const {
  const auto uniform = [&](uint64_t index) { return choice_.uniform(index, step, micro_batch); };
  if (uniform(0) >= probability_) return {};
  const bool cuts = mixup_ > 0 && cutmix_ > 0 ? uniform(1) < switch_ : cutmix_ > 0;
  Mix mix{.share = beta(cuts ? cutmix_ : mixup_, step, micro_batch), .cuts = cuts, .box = {}};
  if (!cuts) return mix;
  mix.box = box_of(mix.share, uniform(2), uniform(3), height, width);
  mix.share = 1.0 - static_cast<double>(mix.box.area()) / static_cast<double>(height * width);
  return mix;
}

at::Tensor mixed(const at::Tensor& images, const at::Tensor& partners, const Mix& mix) {
  if (!mix.cuts) return at::lerp(partners, images, mix.share);
  const at::Tensor out = images.clone();
  mix.box.of(out).copy_(mix.box.of(partners));
  return out;
}

}  // namespace autonorm::data
