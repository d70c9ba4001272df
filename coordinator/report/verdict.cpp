#include "coordinator/report/verdict.h"

#include <algorithm>

#include "core/stats/power.h"

namespace autonorm::report {

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNoTest:
      return "";
    case Verdict::kBetter:
      return "better";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kEquivalent:
      return "equivalent";
    case Verdict::kIdentical:
      return "identical";
    case Verdict::kLessStable:
      return "less stable";
    case Verdict::kUndecided:
      return "undecided";
  }
  return "";
}

Verdict verdict_of(const Evidence& evidence) {
  if (evidence.identical) return Verdict::kIdentical;
  if (evidence.paired.n < 2) return evidence.less_stable ? Verdict::kLessStable : Verdict::kUndecided;
  const bool differs =
      evidence.p_adjusted && *evidence.p_adjusted < evidence.alpha && evidence.ci && evidence.ci->excludes_zero();
  const bool good = (*evidence.paired.delta > 0) == evidence.higher_is_better;
  if (differs && !good && !evidence.baseline_selected) return Verdict::kWorse;
  if (evidence.less_stable) return Verdict::kLessStable;
  if (evidence.selected) return Verdict::kUndecided;
  if (differs && good) return Verdict::kBetter;
  if (evidence.baseline_selected) return Verdict::kUndecided;
  const bool close = evidence.p_equivalence_adjusted && *evidence.p_equivalence_adjusted < evidence.alpha;
  return close ? Verdict::kEquivalent : Verdict::kUndecided;
}

std::optional<int> further_seeds(const stats::PairedComparison& paired, double margin, double alpha, int family,
                                 int fewest) {
  constexpr int kMost = 1000;
  if (paired.n < 2 || paired.constant || paired.identical) return std::nullopt;
  const double level = alpha / std::max(1, family);
  const auto differ = stats::predicted_pairs(*paired.delta, *paired.sd, level);
  const auto equal = stats::predicted_equivalence_pairs(*paired.delta, *paired.sd, margin, level);
  const int needed = std::min(std::max(differ.value_or(kMost), fewest), equal.value_or(kMost));
  if (needed >= kMost) return std::nullopt;
  return std::max(1, needed - static_cast<int>(paired.n));
}

}  // namespace autonorm::report
