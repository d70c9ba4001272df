#include "tests/calibration/diverging_sweeps.h"

#include <string>

#include "coordinator/report/comparison.h"
#include "core/base/philox.h"
#include "core/base/text.h"

namespace autonorm::calibration {
namespace {

using report::ReportData;
using report::TrialRow;

constexpr double kQuantile30 = -0.5244005127080407;  // of the standard normal distribution
constexpr double kLost = 0.3;

struct Run {
  double value = 0;
  bool diverged = false;
};

TrialRow row_of(const std::string& variant, uint64_t seed, const Run& run) {
  TrialRow row;
  row.variant = variant;
  row.trial = TrialId(cat(variant, '/', seed));
  row.labels = report::Labels{{"data.name", "simulated"}};
  row.seed = seed;
  row.state = run.diverged ? TrialState::kDiverged : TrialState::kSucceeded;
  if (!run.diverged) row.results = {{"test/accuracy", run.value}};
  return row;
}

bool variant_diverges(Lost lost, double value, double chance) {
  switch (lost) {
    case Lost::kNone:
    case Lost::kWorstOfBaseline:
      return false;
    case Lost::kRandom:
    case Lost::kRandomAgainstWorst:
      return chance < kLost;
    case Lost::kWorstOfBoth:
    case Lost::kWorstOfVariant:
    case Lost::kWorstAgainstRandom:
      return value < kQuantile30;
  }
  return false;
}

bool baseline_diverges(Lost lost, double value, double chance) {
  switch (lost) {
    case Lost::kNone:
    case Lost::kWorstOfVariant:
      return false;
    case Lost::kRandom:
    case Lost::kWorstAgainstRandom:
      return chance < kLost;
    case Lost::kWorstOfBoth:
    case Lost::kWorstOfBaseline:
    case Lost::kRandomAgainstWorst:
      return value < kQuantile30;
  }
  return false;
}

ReportData simulate(Lost lost, int n, const RandomStream& stream, uint32_t sweep) {
  ReportData data;
  data.sweep.baseline = "baseline";
  data.sweep.metric = "test/accuracy";
  data.sweep.alpha = kAlpha;
  data.sweep.variants = {"baseline", "variant"};
  data.sweep.matrix_keys = {"data.name"};
  for (uint64_t seed = 0; seed < static_cast<uint64_t>(n); ++seed) {
    data.sweep.seeds.push_back(seed);
    const auto run = [&](uint32_t side, auto diverges) {
      const double value = stream.normal(2 * seed + side, sweep, 0);
      return Run{value, diverges(lost, value, stream.uniform(2 * seed + side, sweep, 1))};
    };
    data.trials.push_back(row_of("baseline", seed, run(0, baseline_diverges)));
    data.trials.push_back(row_of("variant", seed, run(1, variant_diverges)));
  }
  return data;
}

}  // namespace

std::string_view name(Lost lost) {
  switch (lost) {
    case Lost::kNone:
      return "none";
    case Lost::kRandom:
      return "random 30 % of both";
    case Lost::kWorstOfBoth:
      return "worst 30 % of both";
    case Lost::kWorstOfVariant:
      return "worst 30 % of the variant";
    case Lost::kWorstAgainstRandom:
      return "worst 30 % of the variant, random 30 % of the baseline";
    case Lost::kWorstOfBaseline:
      return "worst 30 % of the baseline";
    case Lost::kRandomAgainstWorst:
      return "worst 30 % of the baseline, random 30 % of the variant";
  }
  return "";
}

Verdicts measure_verdicts(Lost lost, int n, uint64_t seed, int64_t sweeps) {
  const RandomStream stream(seed, "calibration", cat("diverging/", static_cast<int>(lost), '/', n));
  Verdicts verdicts;
  for (Share* share : {&verdicts.better, &verdicts.worse, &verdicts.unguarded_better, &verdicts.unguarded_worse}) {
    share->of = sweeps;
  }
  for (int64_t sweep = 0; sweep < sweeps; ++sweep) {
    const auto comparison = report::compare(simulate(lost, n, stream, static_cast<uint32_t>(sweep)));
    const report::MetricRow& found = comparison.cells.front().rows.back().metrics.front();
    verdicts.better.hits += found.verdict == report::Verdict::kBetter;
    verdicts.worse.hits += found.verdict == report::Verdict::kWorse;
    if (!found.p || *found.p >= kAlpha) continue;
    verdicts.unguarded_better.hits += *found.paired.delta > 0;
    verdicts.unguarded_worse.hits += *found.paired.delta < 0;
  }
  return verdicts;
}

}  // namespace autonorm::calibration
