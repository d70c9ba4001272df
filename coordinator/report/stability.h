// How the seeds of a variant ended, beside those of the baseline: what may not be averaged away. Pure.
#pragma once
#include <cstddef>
#include <optional>
#include <string>

#include "coordinator/report/pairing.h"
#include "core/stats/interval.h"

namespace autonorm::report {

// Seeds of one variant in one cell by how they ended. The parts add up to `planned`.
struct Counts {
  int planned = 0;
  int succeeded = 0, failed = 0, diverged = 0, stopped = 0, cancelled = 0;
  int missing = 0;  // not finished yet, or never submitted
};

// `seeds`: how many are planned.
Counts counts_of(const SeedRows& rows, size_t seeds);

// Seeds that diverged, against the baseline.
struct Divergence {
  int diverged = 0, finished = 0;       // of the seeds that ended in a result or diverged
  std::optional<stats::Interval> rate;  // Wilson; absent when none finished
  std::optional<double> p;              // exact McNemar against the baseline; absent for the baseline itself
};

// `baseline`: null for the baseline itself.
Divergence divergence_of(const SeedRows& variant, const SeedRows* baseline, double alpha);

// Seeds that diverged, failed or ended without a usable value of the metric, of those that both sides have finished (a
// variant that is further along shall not look worse).
struct Losses {
  int variant = 0, baseline = 0;
  int variant_alone = 0;   // seeds that the baseline brought to an end and the variant lost
  int baseline_alone = 0;  // the other way round
  bool less_stable() const { return variant > baseline; }
};
Losses losses_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric);

// Trials that succeeded or stopped early, with nothing usable recorded for the metric; unless `required`, only those
// that did record something.
int unusable_values(const SeedRows& rows, const std::string& metric, bool required);

}  // namespace autonorm::report
