// What a comparison allows to claim. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "core/stats/interval.h"
#include "core/stats/paired_t.h"

namespace autonorm::report {

enum class Verdict {
  kNoTest,  // the baseline itself, no baseline, or fewer than two pairs
  kBetter,  // adjusted p < alpha and the CI excludes 0, in the metric's good direction
  kWorse,
  kEquivalent,  // TOST within the margin, adjusted p < alpha
  kIdentical,   // not one difference
  kLessStable,  // more diverged or failed seeds than the baseline, and not worse: the rest would flatter it
  kUndecided,   // none of these; also what would be better or equivalent, were it not for seeds that it alone lost
};
std::string_view name(Verdict verdict);  // "better", "less stable", …; "" for kNoTest

struct Evidence {
  stats::PairedComparison paired;
  std::optional<stats::Interval> ci;  // of the method in use
  std::optional<double> p_adjusted, p_equivalence_adjusted;
  bool identical = false, less_stable = false;
  // The variant lost seeds that the baseline finished: what is left may be the better part of its results, even when
  // the baseline lost as many others.
  bool selected = false;
  bool higher_is_better = true;
  double alpha = 0.05;
};
Verdict verdict_of(const Evidence& evidence);

// Predicted number of further pairs until a comparison is decided, either way, with 80 % power, if Δ and sd stay what
// they are; absent when no number below 1000 would do, or nothing can be predicted. `family`: comparisons that Holm's
// correction is over.
std::optional<int> further_seeds(const stats::PairedComparison& paired, double margin, double alpha, int family);

}  // namespace autonorm::report
