// T22: the statistics are calibrated. `--count N`: N sweeps for each method that resamples and for whole reports, 20 N
// for those that only compute. A rate may be off by two standard errors of 10,000 sweeps, or by four of the sweeps that
// were simulated where those are fewer, so that a correct program fails by chance once in some thousand seeds.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iostream>

#include "core/base/text.h"
#include "core/stats/sign_flip.h"
#include "tests/calibration/diverging_sweeps.h"
#include "tests/calibration/null_sweeps.h"
#include "tests/soak/soak_program.h"

namespace autonorm::calibration {
namespace {

constexpr std::array kShapes = {Shape::kNormal, Shape::kSkewed, Shape::kHeavy};
constexpr std::array kSeedCounts = {5, 10, 20};
constexpr int64_t kStated = 10'000;

double tolerance(double rate, int64_t sweeps) {
  const double one = std::sqrt(rate * (1 - rate));
  return std::max(2 * one / std::sqrt(static_cast<double>(kStated)), 4 * one / std::sqrt(static_cast<double>(sweeps)));
}

std::string in_percent(double rate) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f %%", 100 * rate);
  return text;
}

class Calibration {
 public:
  explicit Calibration(const soak::Options& options) : options_(options) {}

  soak::Outcome run() {
    std::cout << "| differences | n | t: false positives | t: coverage | sign-flip: false positives (attainable) | "
                 "permutation CI: coverage | BCa: coverage |\n|---|---:|---:|---:|---:|---:|---:|\n";
    for (const Shape shape : kShapes) {
      for (const int n : kSeedCounts) measure(shape, n);
    }
    std::cout << "\n| seeds that diverge | n | better | worse | if diverged seeds were ignored: better | worse |\n"
                 "|---|---:|---:|---:|---:|---:|\n";
    for (const Lost lost : kLostSeeds) {
      for (const int n : {3, 5, 10}) measure(lost, n);
    }
    outcome_.counts = cat(20 * options_.count, " sweeps for t, ", options_.count, " for intervals and reports, ",
                          outcome_.failures.size(), " rates out of bounds");
    return std::move(outcome_);
  }

 private:
  void measure(Shape shape, int n) {
    // Beyond the exact range a p costs milliseconds.
    const bool exact = n <= static_cast<int>(stats::kExactSignFlipPairs);
    const int64_t flipped = shape != Shape::kNormal ? options_.count : (exact ? 20 : 4) * options_.count;
    const TestRates tests = measure_tests(shape, n, options_.seed, 20 * options_.count, flipped);
    const Coverage coverage = measure_coverage(shape, n, options_.seed, options_.count);
    const double t = tests.t_false_positive.rate(), flip = tests.sign_flip_false_positive.rate();
    std::cout << "| " << name(shape) << " | " << n << " | " << in_percent(t) << " | " << in_percent(1 - t) << " | "
              << in_percent(flip) << " (" << in_percent(tests.sign_flip_level) << ") | "
              << in_percent(coverage.permutation.rate())
              << (coverage.bounded.hits < coverage.bounded.of ? ", unbounded" : "") << " | "
              << in_percent(coverage.bca.rate()) << " |" << std::endl;
    if (shape != Shape::kNormal) return;
    expect(cat("t, n = ", n), t, kAlpha, tests.t_false_positive.of);
    expect(cat("sign-flip, n = ", n), flip, tests.sign_flip_level, flipped);
  }

  void measure(Lost lost, int n) {
    const Verdicts verdicts = measure_verdicts(lost, n, options_.seed, options_.count);
    std::cout << "| " << name(lost) << " | " << n << " | " << in_percent(verdicts.better.rate()) << " | "
              << in_percent(verdicts.worse.rate()) << " | " << in_percent(verdicts.unguarded_better.rate()) << " | "
              << in_percent(verdicts.unguarded_worse.rate()) << " |" << std::endl;
    check_claim(cat(name(lost), ", n = ", n, ": better"), verdicts.better);
    check_claim(cat(name(lost), ", n = ", n, ": worse"), verdicts.worse);
  }

  void check_claim(const std::string& what, const Share& claimed) {
    if (claimed.rate() <= kAlpha / 2 + tolerance(kAlpha / 2, claimed.of)) return;
    outcome_.failures.push_back(cat(what, " in ", in_percent(claimed.rate())));
  }

  void expect(const std::string& what, double rate, double level, int64_t sweeps) {
    if (std::abs(rate - level) <= tolerance(level, sweeps)) return;
    outcome_.failures.push_back(cat(what, ": ", in_percent(rate), " false positives instead of ", in_percent(level)));
  }

  const soak::Options& options_;
  soak::Outcome outcome_;
};

}  // namespace
}  // namespace autonorm::calibration

int main(int count, char** words) {
  return autonorm::soak::run_program(count, words, "T22 calibration", [](const autonorm::soak::Options& options) {
    return autonorm::calibration::Calibration(options).run();
  });
}
