#include "core/stats/summary.h"

#include <algorithm>
#include <cmath>

namespace autonorm::stats {

Summary summarize(std::span<const double> values) {
  Summary out;
  out.n = values.size();
  if (values.empty()) return out;
  const auto [low, high] = std::ranges::minmax(values);
  out.min = low;
  out.max = high;
  // The deviations from the first value are exact zeros for equal values, which a plain sum / n is not.
  double shift = 0;
  for (const double value : values) shift += value - values.front();
  const double mean = values.front() + shift / static_cast<double>(values.size());
  out.mean = std::clamp(mean, low, high);
  if (values.size() < 2) return out;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  out.sd = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return out;
}

bool has_no_spread(const Summary& summary) {
  const double magnitude = std::max(std::abs(*summary.min), std::abs(*summary.max));
  return !summary.sd || *summary.sd <= 1e-9 * magnitude;
}

}  // namespace autonorm::stats
