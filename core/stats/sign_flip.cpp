#include "core/stats/sign_flip.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/base/philox.h"

namespace autonorm::stats {
namespace {

// Calls `take(flip)` for each sign pattern; flip(i) says whether element i changes its sign and must be asked in
// ascending order.
template <class Take>
void for_each_pattern(size_t n, Take take) {
  // A pattern and its complement have the same |sum|: the first sign stays fixed and half of the patterns suffice.
  const uint32_t patterns = uint32_t{1} << (n - 1);
  for (uint32_t pattern = 0; pattern < patterns; ++pattern) {
    take([pattern](size_t i) { return i > 0 && (pattern >> (i - 1) & 1) != 0; });
  }
}

template <class Take>
void for_each_draw(size_t n, Take take) {
  const RandomStream stream(0, "sign-flip", "");
  const size_t words = (n + 31) / 32;
  for (int64_t draw = 0; draw < kSignFlipDraws; ++draw) {
    uint32_t word = 0;
    take([&](size_t i) {
      if (i % 32 == 0) word = stream.word(static_cast<uint64_t>(draw) * words + i / 32);
      return (word >> (i % 32) & 1) != 0;
    });
  }
}

// How many patterns are looked at, the identity included: one of the exact ones, one more than the drawn ones.
int64_t pattern_count(size_t n) { return n <= kExactSignFlipPairs ? int64_t{1} << (n - 1) : kSignFlipDraws + 1; }

template <class Take>
void for_each_flip(size_t n, Take take) {
  if (n <= kExactSignFlipPairs) {
    for_each_pattern(n, take);
  } else {
    take([](size_t) { return false; });
    for_each_draw(n, take);
  }
}

struct Halves {  // of one pattern: the mean of the flipped elements, and of the others
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

template <class Flip>
Halves halves_of(std::span<const double> differences, Flip flip) {
  double flipped = 0, kept = 0;
  int count = 0;
  for (size_t i = 0; i < differences.size(); ++i) {
    if (flip(i)) {
      flipped += differences[i];
      ++count;
    } else {
      kept += differences[i];
    }
  }
  const int rest = static_cast<int>(differences.size()) - count;
  if (count == 0 || rest == 0) return {};
  const double a = flipped / count, b = kept / rest;
  return {std::min(a, b), std::max(a, b)};
}

}  // namespace

std::optional<double> sign_flip_p(std::span<const double> differences) {
  if (differences.size() < 2) return std::nullopt;
  double scale = 0, observed = 0;
  for (const double difference : differences) {
    scale += std::abs(difference);
    observed += difference;
  }
  if (scale == 0) return 1.0;
  const double threshold = std::abs(observed) - 1e-12 * scale;
  int64_t extreme = 0;
  for_each_flip(differences.size(), [&](auto flip) {
    double sum = 0;
    for (size_t i = 0; i < differences.size(); ++i) sum += flip(i) ? -differences[i] : differences[i];
    extreme += std::abs(sum) >= threshold;
  });
  return static_cast<double>(extreme) / static_cast<double>(pattern_count(differences.size()));
}

std::optional<Interval> sign_flip_interval(std::span<const double> differences, double alpha) {
  if (differences.size() < 2) return std::nullopt;
  // For mu below the mean, flipping S makes |sum(d - mu)| no smaller exactly when mu is at least the mean over S or
  // over the rest, whichever is smaller; mirrored above. So p(mu) counts these means, and the bounds are order
  // statistics.
  std::vector<double> lows, highs;
  for_each_flip(differences.size(), [&](auto flip) {
    const Halves halves = halves_of(differences, flip);
    lows.push_back(halves.low);
    highs.push_back(halves.high);
  });
  const double needed = alpha * static_cast<double>(lows.size());
  const auto rank = std::min(lows.size(), static_cast<size_t>(std::max(1.0, std::ceil(needed - 1e-9)))) - 1;
  std::ranges::nth_element(lows, lows.begin() + static_cast<std::ptrdiff_t>(rank));
  std::ranges::nth_element(highs, highs.begin() + static_cast<std::ptrdiff_t>(rank), std::greater<>());
  return Interval{lows[rank], highs[rank]};
}

std::optional<double> smallest_sign_flip_p(int n) {
  if (n < 2) return std::nullopt;
  return std::ldexp(2.0, -n);
}

}  // namespace autonorm::stats
