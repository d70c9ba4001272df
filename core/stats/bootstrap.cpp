#include "core/stats/bootstrap.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "core/base/philox.h"
#include "core/stats/summary.h"

namespace autonorm::stats {
namespace {

// Indices below n from words of the counter-based generator, four to a block.
class ResampleIndices {
 public:
  explicit ResampleIndices(size_t n) : n_(n) {}
  size_t next() {
    if (used_ == block_.size()) {
      block_ = philox4x32({static_cast<uint32_t>(counter_), static_cast<uint32_t>(counter_ >> 32), 0, 0}, kKey);
      ++counter_;
      used_ = 0;
    }
    return static_cast<size_t>(block_[used_++] * static_cast<uint64_t>(n_) >> 32);
  }

 private:
  static constexpr PhiloxKey kKey = {0x626F6F74, 0x73747270};  // "boot", "strp"
  const size_t n_;
  PhiloxCounter block_{};
  size_t used_ = 4;
  uint64_t counter_ = 0;
};

std::vector<double> sorted_resampled_means(std::span<const double> values, int resamples) {
  const auto [low, high] = std::ranges::minmax(values);
  ResampleIndices indices(values.size());
  std::vector<double> means(static_cast<size_t>(resamples));
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) sum += values[indices.next()];
    mean = std::clamp(sum / static_cast<double>(values.size()), low, high);  // rounding leaves the data by an ulp
  }
  std::ranges::sort(means);
  return means;
}

// Share of resampled means below the observed one, ties one half.
double share_below(const std::vector<double>& means, double observed, double rounding) {
  const auto below = std::ranges::lower_bound(means, observed - rounding) - means.begin();
  const auto upto = std::ranges::upper_bound(means, observed + rounding) - means.begin();
  return static_cast<double>(below + upto) / (2.0 * static_cast<double>(means.size()));
}

// From the jackknife: for a mean it is the skewness of the sample / (6 sqrt(n)).
double acceleration(std::span<const double> values, double mean) {
  double squares = 0, cubes = 0;
  for (const double value : values) {
    const double deviation = value - mean;
    squares += deviation * deviation;
    cubes += deviation * deviation * deviation;
  }
  return cubes / (6 * std::pow(squares, 1.5));
}

// Linear between order statistics; probability in [0, 1].
double quantile_of(const std::vector<double>& sorted, double probability) {
  const double position = probability * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// The probability that BCa puts in the place of a nominal one with normal score z.
double adjusted_probability(double bias, double acceleration, double z) {
  const double shifted = bias + z;
  const double scale = 1 - acceleration * shifted;
  if (scale <= 0) return shifted > 0 ? 1 : 0;  // the limit: beyond, the formula would turn round
  return boost::math::cdf(boost::math::normal(), bias + shifted / scale);
}

}  // namespace

std::optional<Interval> bca_interval(std::span<const double> differences, double alpha, int resamples) {
  const Summary summary = summarize(differences);
  if (summary.n < 2 || has_no_spread(summary)) return std::nullopt;
  const double rounding = 1e-12 * std::max(std::abs(*summary.min), std::abs(*summary.max));
  const std::vector<double> means = sorted_resampled_means(differences, resamples);
  const double half_draw = 0.5 / resamples;
  const double share = std::clamp(share_below(means, *summary.mean, rounding), half_draw, 1 - half_draw);
  const double bias = boost::math::quantile(boost::math::normal(), share);
  const double a = acceleration(differences, *summary.mean);
  const double z = boost::math::quantile(boost::math::normal(), alpha / 2);
  return Interval{quantile_of(means, adjusted_probability(bias, a, z)),
                  quantile_of(means, adjusted_probability(bias, a, -z))};
}

}  // namespace autonorm::stats
