#include "core/stats/proportions.h"

#include <algorithm>
#include <boost/math/distributions/binomial.hpp>
#include <cmath>

#include "core/stats/critical_values.h"

namespace autonorm::stats {

std::optional<Interval> wilson_interval(int hits, int n, double alpha) {
  if (n == 0) return std::nullopt;
  const double z = upper_normal(alpha / 2);
  const double count = n, share = hits / count, z2 = z * z;
  const double centre = (share + z2 / (2 * count)) / (1 + z2 / count);
  const double half = z / (1 + z2 / count) * std::sqrt(share * (1 - share) / count + z2 / (4 * count * count));
  // The formula gives 0 and 1 at the ends up to rounding.
  return Interval{hits == 0 ? 0 : std::max(0.0, centre - half), hits == n ? 1 : std::min(1.0, centre + half)};
}

double mcnemar_p(int only_first, int only_second) {
  const int disagreeing = only_first + only_second;
  if (disagreeing == 0) return 1;
  const boost::math::binomial distribution(disagreeing, 0.5);
  return std::min(1.0, 2 * boost::math::cdf(distribution, std::min(only_first, only_second)));
}

}  // namespace autonorm::stats
