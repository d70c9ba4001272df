#include "core/stats/paired_t.h"

#include <algorithm>
#include <cmath>

#include "core/stats/critical_values.h"
#include "core/stats/student_t.h"
#include "core/stats/summary.h"

namespace autonorm::stats {
namespace {

double win_fraction(std::span<const double> differences) {
  double wins = 0;
  for (const double difference : differences) wins += difference > 0 ? 1.0 : difference == 0 ? 0.5 : 0.0;
  return wins / static_cast<double>(differences.size());
}

}  // namespace

double student_t_quantile(double probability, double df) {
  return boost::math::quantile(boost::math::students_t(df), probability);
}

PairedComparison compare_paired(std::span<const double> differences, double alpha) {
  const Summary summary = summarize(differences);
  PairedComparison out;
  out.n = summary.n;
  out.delta = summary.mean;
  out.sd = summary.sd;
  if (out.n == 0) return out;
  out.wins = win_fraction(differences);
  out.identical = std::ranges::all_of(differences, [](double d) { return d == 0; });
  if (out.n < 2) return out;
  out.df = out.n - 1;
  const double error = *out.sd / std::sqrt(static_cast<double>(out.n));
  if (out.identical) {
    out.ci = Interval{0, 0};
    out.p = 1;
    return out;
  }
  out.constant = has_no_spread(summary);
  if (out.constant) return out;
  const StudentT distribution(static_cast<double>(out.df));
  const double half = upper_student_t(alpha / 2, static_cast<double>(out.df)) * error;
  out.ci = Interval{*out.delta - half, *out.delta + half};
  out.t = *out.delta / error;
  out.p = std::min(1.0, 2 * boost::math::cdf(boost::math::complement(distribution, std::abs(*out.t))));
  out.d_z = *out.delta / *out.sd;
  return out;
}

}  // namespace autonorm::stats
