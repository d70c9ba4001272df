#include "core/stats/critical_values.h"

#include <array>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cstddef>

namespace autonorm::stats {
namespace {

struct RememberedQuantile {
  double probability = 0, df = 0, value = 0;  // probability 0: nothing yet
};
struct RememberedQuantiles {
  std::array<RememberedQuantile, 8> latest;
  size_t next = 0;
};

template <class Compute>
double remembered(RememberedQuantiles& known, double probability, double df, Compute compute) {
  for (const RememberedQuantile& quantile : known.latest) {
    if (quantile.probability == probability && quantile.df == df) return quantile.value;
  }
  const double value = compute();
  known.latest[known.next++ % known.latest.size()] = {probability, df, value};
  return value;
}

}  // namespace

double upper_normal(double probability) {
  thread_local RememberedQuantiles known;
  return remembered(known, probability, 0,
                    [&] { return quantile(boost::math::complement(boost::math::normal(), probability)); });
}

double upper_student_t(double probability, double df) {
  thread_local RememberedQuantiles known;
  return remembered(known, probability, df,
                    [&] { return quantile(boost::math::complement(boost::math::students_t(df), probability)); });
}

}  // namespace autonorm::stats
