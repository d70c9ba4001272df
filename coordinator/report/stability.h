// How the seeds of a variant ended, beside those of the baseline: what may not be averaged away. Pure.
#pragma once
#include <cstddef>
#include <optional>

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

// Seeds that diverged or failed, of those that both sides have finished (a variant that is further along shall not look
// worse).
struct Losses {
  int variant = 0, baseline = 0;
  int variant_alone = 0;  // seeds that the baseline brought to an end and the variant lost
  bool less_stable() const { return variant > baseline; }
};
Losses losses_of(const SeedRows& variant, const SeedRows& baseline);

}  // namespace autonorm::report
