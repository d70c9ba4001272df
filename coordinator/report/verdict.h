// What a comparison allows to claim. Pure.
#pragma once
#include <optional>
#include <string_view>

#include "core/stats/interval.h"
#include "core/stats/paired_t.h"

namespace autonorm::report {

enum class Verdict {
  kNoTest,  // the baseline itself, no baseline, or a metric of which nobody knows whether more is better
  kBetter,  // adjusted p < alpha and the CI excludes 0, in the metric's good direction
  kWorse,
  kEquivalent,  // TOST within the margin, adjusted p < alpha
  kIdentical,   // not one difference
  kLessStable,  // more lost seeds than the baseline, and not worse: the rest would flatter it
  // None of these; also what would be better or equivalent, were it not for seeds that it alone lost, or worse or
  // equivalent, were it not for seeds that the baseline alone lost.
  kUndecided,
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
  // The baseline lost seeds that the variant finished: what is left of the baseline may be its better part.
  bool baseline_selected = false;
  bool higher_is_better = true;
  double alpha = 0.05;
};
Verdict verdict_of(const Evidence& evidence);

// Predicted number of further pairs until a comparison is decided, either way, with 80 % power, if Δ and sd stay what
// they are; absent when no number below 1000 would do, or nothing can be predicted. `family`: comparisons that Holm's
// correction is over. `fewest`: pairs without which the test in use finds no difference, however large.
std::optional<int> further_seeds(const stats::PairedComparison& paired, double margin, double alpha, int family,
                                 int fewest = 2);

}  // namespace autonorm::report
