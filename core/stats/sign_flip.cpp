#include "core/stats/sign_flip.h"

#include <cmath>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

// |sum| of the differences with the sign of element i flipped where bit i of the pattern is set.
template <class Flip>
double flipped_magnitude(std::span<const double> differences, Flip flip) {
  double sum = 0;
  for (size_t i = 0; i < differences.size(); ++i) sum += flip(i) ? -differences[i] : differences[i];
  return std::abs(sum);
}

double exact_p(std::span<const double> differences, double threshold) {
  // A pattern and its complement have the same |sum|: the first sign stays fixed and half of the patterns suffice.
  const uint32_t patterns = uint32_t{1} << (differences.size() - 1);
  uint32_t extreme = 0;
  for (uint32_t pattern = 0; pattern < patterns; ++pattern) {
    const auto flip = [pattern](size_t i) { return i > 0 && (pattern >> (i - 1) & 1) != 0; };
    if (flipped_magnitude(differences, flip) >= threshold) ++extreme;
  }
  return static_cast<double>(extreme) / patterns;
}

double drawn_p(std::span<const double> differences, double threshold) {
  const RandomStream stream(0, "sign-flip", "");
  const size_t words = (differences.size() + 31) / 32;
  int64_t extreme = 0;
  for (int64_t draw = 0; draw < kSignFlipDraws; ++draw) {
    uint32_t word = 0;
    const auto flip = [&](size_t i) {
      if (i % 32 == 0) word = stream.word(static_cast<uint64_t>(draw) * words + i / 32);
      return (word >> (i % 32) & 1) != 0;
    };
    if (flipped_magnitude(differences, flip) >= threshold) ++extreme;
  }
  return static_cast<double>(extreme + 1) / static_cast<double>(kSignFlipDraws + 1);
}

}  // namespace

std::optional<double> sign_flip_p(std::span<const double> differences) {
  if (differences.size() < 2) return std::nullopt;
  double scale = 0;
  for (const double difference : differences) scale += std::abs(difference);
  if (scale == 0) return 1.0;
  const double observed = flipped_magnitude(differences, [](size_t) { return false; });
  const double threshold = observed - 1e-12 * scale;
  return differences.size() <= kExactSignFlipPairs ? exact_p(differences, threshold) : drawn_p(differences, threshold);
}

std::optional<double> smallest_sign_flip_p(int n) {
  if (n < 2) return std::nullopt;
  return std::ldexp(2.0, -n);
}

}  // namespace autonorm::stats
