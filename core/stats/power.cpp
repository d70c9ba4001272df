#include "core/stats/power.h"

#include <algorithm>
#include <array>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/quadrature/gauss_kronrod.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <cmath>
#include <iomanip>
#include <limits>
#include <sstream>

#include "core/base/text.h"
#include "core/stats/critical_values.h"
#include "core/stats/sign_flip.h"

namespace autonorm::stats {
namespace {

constexpr int kMostPairs = 100'000;
constexpr std::array kSpreads = {0.5, 1.0, 2.0};  // in margins

std::string number(double value) {
  std::ostringstream out;
  out << std::setprecision(2) << value;
  return out.str();
}

// The smallest x > 0 with holds(x), for a predicate that stays true once true.
template <class Holds>
double first_holding(Holds holds) {
  double high = 1;
  while (!holds(high)) high *= 2;
  double low = 0;
  while (high - low > 1e-10 * high) {
    const double middle = low + (high - low) / 2;
    (holds(middle) ? high : low) = middle;
  }
  return high;
}

std::optional<int> whole_pairs(double pairs) {
  if (pairs > kMostPairs) return std::nullopt;
  return std::max(2, static_cast<int>(std::ceil(pairs)));
}

std::string one_seed_text() {
  return "power check: one seed: no comparison is possible (a paired test needs at least 2 seeds); "
         "set seeds = { count = 5 } or more.\n";
}

// What is detected when the differences spread by `sd`, alone and in the hardest step of Holm's correction.
std::string detected_text(int seeds, int comparisons, double sd, double alpha) {
  std::string text = cat("detects ", number(*smallest_detectable_difference(seeds, sd, alpha)));
  if (comparisons > 1) {
    text += cat(", with Holm over ", comparisons, " comparisons ",
                number(*smallest_detectable_difference(seeds, sd, alpha / comparisons)));
  }
  return text;
}

std::string spread_lines(int seeds, int comparisons, double margin, double alpha,
                         const std::optional<KnownSpread>& known) {
  if (known && known->sd > 0) {
    return cat("  spread ", number(known->sd), ", known from ", known->pairs,
               " pairs of past trials of these cells: ", detected_text(seeds, comparisons, known->sd, alpha), "\n");
  }
  if (margin <= 0) {
    return cat("  no margin is set; in standard deviations of the differences: ",
               detected_text(seeds, comparisons, 1.0, alpha), "\n");
  }
  std::string lines;
  for (const double spread : kSpreads) {
    lines += cat("  spread ", number(spread * margin), " (", number(spread),
                 spread == 1 ? " margin): " : " margins): ", detected_text(seeds, comparisons, spread * margin, alpha),
                 "\n");
  }
  return lines;
}

std::string sign_flip_line(int seeds, int comparisons, double alpha) {
  const double bound = *smallest_sign_flip_p(seeds);
  std::string line = cat("  sign-flip test: smallest reachable p is 2/2^", seeds, " = ", std::setprecision(3), bound);
  line += bound < alpha ? cat(", below alpha ", alpha)
                        : cat(", not below alpha ", alpha, ": needs n >= ", sign_flip_pairs_needed(1, alpha));
  if (comparisons > 1) {
    line += cat("; with Holm over ", comparisons, " comparisons n >= ", sign_flip_pairs_needed(comparisons, alpha));
  }
  return line + "\n";
}

}  // namespace

double paired_t_power(int n, double effect, double alpha) {
  const double df = n - 1;
  const double critical = upper_student_t(alpha / 2, df);
  const double shift = std::abs(effect) * std::sqrt(static_cast<double>(n));
  // t = (Z + shift) / S with S^2 ~ chi^2(df) / df, so P(|t| > critical) = E_Z[P(S < |Z + shift| / critical)].
  // Integrated directly, because series for the noncentral t give out at the critical values of two seeds under Holm.
  const auto integrand = [&](double z) {
    const double s = std::abs(z + shift) / critical;
    return boost::math::pdf(boost::math::normal(), z) * boost::math::gamma_p(df / 2, df / 2 * s * s);
  };
  constexpr double kReach = 9;  // the normal mass beyond is below 1e-18
  const double kink = std::max(-shift, -kReach);
  using Quadrature = boost::math::quadrature::gauss_kronrod<double, 31>;
  return Quadrature::integrate(integrand, -kReach, kink, 12, 1e-11) +
         Quadrature::integrate(integrand, kink, kReach, 12, 1e-11);
}

std::optional<double> smallest_detectable_difference(int n, double sd, double alpha, double power) {
  if (n < 2) return std::nullopt;
  if (sd == 0) return 0.0;
  return sd * first_holding([&](double effect) { return paired_t_power(n, effect, alpha) >= power; });
}

std::optional<int> pairs_needed(double delta, double sd, double alpha, double power) {
  if (delta == 0) return std::nullopt;
  if (sd == 0) return 2;
  const double effect = delta / sd;
  const auto enough = [&](int n) { return paired_t_power(n, effect, alpha) >= power; };
  int high = 2;
  while (!enough(high)) {
    if (high >= kMostPairs) return std::nullopt;
    high = std::min(2 * high, kMostPairs);
  }
  int low = 1;
  while (high - low > 1) {
    const int middle = low + (high - low) / 2;
    (enough(middle) ? high : low) = middle;
  }
  return high;
}

std::optional<int> predicted_pairs(double delta, double sd, double alpha, double power) {
  if (delta == 0) return std::nullopt;
  const double z = upper_normal(alpha / 2);
  const double ratio = (z + upper_normal(1 - power)) * sd / delta;
  return whole_pairs(ratio * ratio + z * z / 2);
}

std::optional<int> predicted_equivalence_pairs(double delta, double sd, double margin, double alpha, double power) {
  const double shift = std::abs(delta);
  if (shift >= margin) return std::nullopt;
  if (sd == 0) return 2;
  const double z = upper_normal(alpha);
  const auto enough = [&](double n) {
    const double root = std::sqrt(n) / sd;
    const boost::math::normal normal;
    return boost::math::cdf(normal, (margin - shift) * root - z) +
               boost::math::cdf(normal, (margin + shift) * root - z) - 1 >=
           power;
  };
  if (!enough(kMostPairs)) return std::nullopt;
  return whole_pairs(first_holding(enough) + z * z / 2);
}

int sign_flip_pairs_needed(int comparisons, double alpha) {
  int n = 2;
  while (*smallest_sign_flip_p(n) >= alpha / std::max(1, comparisons)) ++n;
  return n;
}

std::string power_check_text(int seeds, int comparisons, double margin, double alpha,
                             const std::optional<KnownSpread>& known) {
  if (comparisons < 1) return "power check: no comparison: the baseline is the only variant.\n";
  if (seeds < 2) return one_seed_text();
  return cat("power check: smallest difference that ", seeds, " paired seeds detect with 80 % power (alpha ", alpha,
             "), by the spread of the differences\n", spread_lines(seeds, comparisons, margin, alpha, known),
             sign_flip_line(seeds, comparisons, alpha));
}

std::optional<std::string> power_problem(int seeds, int comparisons, double margin, double alpha,
                                         const std::optional<KnownSpread>& known) {
  if (seeds < 2) return "one seed: no comparison is possible; a paired test needs at least 2 seeds";
  if (margin <= 0) return std::nullopt;
  const bool is_known = known && known->sd > 0;
  const double spread = is_known ? known->sd : kSpreads.front() * margin;
  const double level = alpha / std::max(1, comparisons);
  const double detected = *smallest_detectable_difference(seeds, spread, level);
  if (detected <= margin) return std::nullopt;
  const std::optional<int> needed = pairs_needed(margin, spread, level);
  const std::string why = is_known ? cat("when the differences spread by ", number(spread), " as in ", known->pairs,
                                         " pairs of past trials of these cells")
                                   : std::string("even when the differences spread by only half of it");
  return cat(seeds, " seeds cannot detect the margin ", margin, " with 80 % power, ", why, " (they detect ",
             number(detected), "); use ", needed ? cat("at least ", *needed) : cat("more than ", kMostPairs),
             " seeds, fewer variants or a larger margin");
}

}  // namespace autonorm::stats
