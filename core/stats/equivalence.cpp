#include "core/stats/equivalence.h"

#include <algorithm>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>

#include "core/stats/student_t.h"

namespace autonorm::stats {

std::optional<double> equivalence_p(const PairedComparison& paired, double margin) {
  if (margin <= 0 || paired.n < 2) return std::nullopt;
  if (paired.identical) return 0.0;
  if (paired.constant) return std::nullopt;
  const double error = *paired.sd / std::sqrt(static_cast<double>(paired.n));
  // The farther bound is the easier one: the nearer decides.
  const double distance = (margin - std::abs(*paired.delta)) / error;
  const StudentT distribution(static_cast<double>(paired.df));
  return boost::math::cdf(boost::math::complement(distribution, distance));
}

double equivalence_power(int n, double delta, double sd, double margin, double alpha) {
  const double df = n - 1;
  const double critical = boost::math::quantile(boost::math::complement(boost::math::students_t(df), alpha));
  const double root = std::sqrt(static_cast<double>(n));
  const double reach = margin * root / sd, shift = std::abs(delta) * root / sd;
  // Both tests reject when |X| + critical · S < reach, with X ~ N(shift, 1) and S^2 ~ chi^2(df) / df.
  const auto integrand = [&](double x) {
    const double s = (reach - std::abs(x)) / critical;
    if (s <= 0) return 0.0;
    return boost::math::pdf(boost::math::normal(), x - shift) * boost::math::gamma_p(df / 2, df / 2 * s * s);
  };
  constexpr double kReach = 9;  // the normal mass beyond is below 1e-18
  const double low = std::max(-reach, shift - kReach), high = std::min(reach, shift + kReach);
  if (low >= high) return 0;
  const double kink = std::clamp(0.0, low, high);
  using Quadrature = boost::math::quadrature::gauss_kronrod<double, 31>;
  double power = 0;
  if (low < kink) power += Quadrature::integrate(integrand, low, kink, 12, 1e-10);
  if (kink < high) power += Quadrature::integrate(integrand, kink, high, 12, 1e-10);
  return power;
}

}  // namespace autonorm::stats
