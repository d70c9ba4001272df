#include "tests/calibration/null_sweeps.h"

#include <cmath>
#include <string>
#include <vector>

#include "core/base/philox.h"
#include "core/base/text.h"
#include "core/stats/bootstrap.h"
#include "core/stats/paired_t.h"
#include "core/stats/sign_flip.h"

namespace autonorm::calibration {
namespace {

// Differences of sweep k; every number of a simulation has its own place in the stream.
class NullSweeps {
 public:
  NullSweeps(Shape shape, int n, uint64_t seed)
      : shape_(shape), stream_(seed, "calibration", cat(name(shape), '/', n)), differences_(static_cast<size_t>(n)) {}

  const std::vector<double>& differences(int64_t sweep) {
    for (size_t i = 0; i < differences_.size(); ++i) differences_[i] = draw(i, static_cast<uint32_t>(sweep));
    return differences_;
  }

 private:
  double draw(uint64_t i, uint32_t sweep) const {
    switch (shape_) {
      case Shape::kNormal:
        return stream_.normal(i, sweep);
      case Shape::kSkewed:
        return -std::log(stream_.uniform(i, sweep)) - 1;
      case Shape::kHeavy: {
        double squares = 0;
        for (uint64_t k = 1; k <= 3; ++k) squares += std::pow(stream_.normal(4 * i + k, sweep), 2);
        return stream_.normal(4 * i, sweep) / std::sqrt(squares / 3);
      }
    }
    return 0;
  }

  const Shape shape_;
  const RandomStream stream_;
  std::vector<double> differences_;
};

}  // namespace

std::string_view name(Shape shape) {
  switch (shape) {
    case Shape::kNormal:
      return "normal";
    case Shape::kSkewed:
      return "skewed";
    case Shape::kHeavy:
      return "heavy-tailed";
  }
  return "";
}

TestRates measure_tests(Shape shape, int n, uint64_t seed, int64_t sweeps, int64_t flipped) {
  NullSweeps source(shape, n, seed);
  TestRates rates;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    const std::vector<double>& differences = source.differences(sweep);
    rates.t_false_positive.hits += *stats::compare_paired(differences, kAlpha).p < kAlpha;
    if (sweep < flipped) rates.sign_flip_false_positive.hits += *stats::sign_flip_p(differences) < kAlpha;
  }
  rates.t_false_positive.of = sweeps;
  rates.sign_flip_false_positive.of = flipped;
  const double step = *stats::smallest_sign_flip_p(n);
  rates.sign_flip_level = std::floor(kAlpha / step) * step;
  return rates;
}

Coverage measure_coverage(Shape shape, int n, uint64_t seed, int64_t sweeps) {
  NullSweeps source(shape, n, seed);
  Coverage coverage;
  for (Share* share : {&coverage.permutation, &coverage.bca, &coverage.bounded}) share->of = sweeps;
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    const std::vector<double>& differences = source.differences(sweep);
    const stats::Interval flip = *stats::sign_flip_interval(differences, kAlpha);
    coverage.permutation.hits += !flip.excludes_zero();
    coverage.bounded.hits += flip.bounded();
    coverage.bca.hits += !stats::bca_interval(differences, kAlpha)->excludes_zero();
  }
  return coverage;
}

}  // namespace autonorm::calibration
