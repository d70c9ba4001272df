#include "coordinator/report/notes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "coordinator/report/numbers.h"
#include "coordinator/report/places.h"
#include "coordinator/report/table.h"
#include "coordinator/report/words.h"
#include "core/base/text.h"
#include "core/stats/power.h"
#include "core/stats/sign_flip.h"

namespace autonorm::report {
namespace {

std::string counted(int count, const std::string& noun) { return cat(count, " ", noun, count == 1 ? "" : "s"); }

std::string interval_words(const SweepRow& sweep, const Comparison& comparison) {
  const std::string words = cat(percent(1 - sweep.alpha), " CI: ", interval_name(comparison.interval));
  switch (comparison.interval) {
    case IntervalMethod::kStudent:
      return words;
    case IntervalMethod::kBca:
      return words + " of the per-seed differences, 10000 resamples from a fixed seed";
    case IntervalMethod::kPermutation:
      return words + ", all shifts that it does not reject";
  }
  return words;
}

template <class Take>
void for_each_comparison(const Comparison& comparison, Take take) {
  for (const CellTable& cell : comparison.cells) {
    for (const VariantRow& row : cell.rows) {
      if (!row.is_baseline && cell.has_baseline) take(cell, row, row.metrics.front());
    }
  }
}

std::string method_note(const SweepRow& sweep, const Comparison& comparison) {
  const bool student = comparison.test == TestMethod::kStudent;
  std::string note =
      cat("Δ: mean of the per-seed differences to ", one_line(sweep.baseline), ". ", interval_words(sweep, comparison),
          ". p: ", student ? "paired Student t-test" : "sign-flip test", ", two-sided; beside it ",
          student ? "the sign-flip test" : "the paired Student t-test", ". p (Holm): corrected over the ",
          counted(comparison.family, "comparison"), " of ", sweep.metric, " in this report");
  int without = 0;
  for_each_comparison(comparison,
                      [&](const CellTable&, const VariantRow&, const MetricRow& metric) { without += !metric.p; });
  if (without > 0) {
    note += cat(", ", without,
                " of them without a p (they count all the same): a p needs two pairs of seeds whose "
                "differences are not all the same");
  }
  return note + ".";
}

std::string verdict_note(const SweepRow& sweep, const Comparison& comparison) {
  if (comparison.family == 0) return "";
  if (!direction_of(sweep.metric)) {
    return cat("no verdict: whether more of ", one_line(sweep.metric),
               " is better or worse is not known, for the metric is not in "
               "`coordinator catalogue metrics`; the numbers stand without a claim.");
  }
  std::string note = cat("verdict: better or worse: p (Holm) < ", sweep.alpha, " and the CI excludes 0; ");
  note += sweep.margin > 0 ? cat("equivalent: two one-sided t-tests within ±", sweep.margin, ", Holm-adjusted over ",
                                 counted(comparison.equivalence_family, "comparison"), ", p < ", sweep.alpha, "; ")
                           : std::string("equivalent: not tested, no margin is set; ");
  return note +
         "less stable: more seeds were lost (diverged, failed or without a usable value) than of the baseline; "
         "undecided (+k): about k further "
         "seeds are predicted to decide, with 80 % power, if Δ and its spread stay as they are.";
}

std::string place_of(const Comparison& comparison, const CellTable& cell, const VariantRow& row) {
  return cat(one_line(row.variant), " on ", one_line(cell_name(cell.labels, comparison.label_keys)));
}

std::string constant_note(const Comparison& comparison, int decimals) {
  Places places;
  for_each_comparison(comparison, [&](const CellTable& cell, const VariantRow& row, const MetricRow& metric) {
    if (!metric.paired.constant) return;
    places.add([&] {
      return cat(place_of(comparison, cell, row), ": all ", metric.paired.n, " are ",
                 with_sign(metric.paired.delta, decimals));
    });
  });
  if (places.empty()) return "";
  return cat(kConstantMark, " differences without any spread (", places.text(),
             "): a t-test would claim certainty from it, so there is no CI, no p, no d_z and no claim; check whether "
             "the seeds reach the part that varies. Where a sign-flip p stands beside, it holds.");
}

// Other trainings with the very same values: the interval [0, 0] is what the formula gives, not what is known.
std::string identical_note(const Comparison& comparison) {
  Places places;
  for_each_comparison(comparison, [&](const CellTable& cell, const VariantRow& row, const MetricRow& metric) {
    if (!metric.identical || row.same_trials_as) return;
    places.add([&] { return cat(place_of(comparison, cell, row), ": ", metric.paired.n, " of ", metric.paired.n); });
  });
  if (places.empty()) return "";
  return cat(
      "identical: every difference is exactly 0, although other trials were trained (", places.text(),
      "). An interval of width 0 says that no seed differed, not that none would: few seeds, or a metric with few "
      "steps (one answer more or less), hide small differences.");
}

std::string disagreement_note(const SweepRow& sweep, const Comparison& comparison) {
  int count = 0;
  size_t fewest = std::numeric_limits<size_t>::max();
  for_each_comparison(comparison, [&](const CellTable&, const VariantRow&, const MetricRow& metric) {
    if (!tests_disagree(metric, sweep.alpha)) return;
    ++count;
    fewest = std::min(fewest, metric.paired.n);
  });
  if (count == 0) return "";
  std::string note = cat(kDisagreeMark, " the t-test and the sign-flip test disagree about alpha ", sweep.alpha, " (",
                         counted(count, "comparison"), ")");
  const auto reach = stats::smallest_sign_flip_p(static_cast<int>(fewest));
  if (reach && *reach >= sweep.alpha) {
    note += cat("; with ", fewest, " pairs the sign-flip p cannot go below ", *reach, ", it needs at least ",
                stats::sign_flip_pairs_needed(1, sweep.alpha), " pairs");
  }
  return note + ".";
}

std::string unbounded_note(const SweepRow& sweep, const Comparison& comparison) {
  int count = 0;
  for_each_comparison(comparison, [&](const CellTable&, const VariantRow&, const MetricRow& metric) {
    count += metric.ci && !metric.ci->bounded();
  });
  if (count == 0) return "";
  return cat("unbounded CI: too few pairs for a permutation interval of this level; it needs at least ",
             stats::sign_flip_pairs_needed(1, sweep.alpha), " pairs.");
}

std::string few_pairs_note(const Comparison& comparison) {
  constexpr size_t kEnough = 20;
  if (comparison.interval != IntervalMethod::kBca) return "";
  size_t fewest = kEnough;
  for_each_comparison(comparison, [&](const CellTable&, const VariantRow&, const MetricRow& metric) {
    if (metric.ci && !metric.identical) fewest = std::min(fewest, metric.paired.n);
  });
  if (fewest == kEnough) return "";
  return cat("BCa intervals cover too little with few pairs: of normal differences 84 % at 5, 91 % at 10 and 92 % at ",
             kEnough, " pairs instead of 95 %; here are as few as ", fewest, ".");
}

std::string divergence_note(const SweepRow& sweep, const Comparison& comparison) {
  Places places;
  for (const CellTable& cell : comparison.cells) {
    const auto baseline = std::ranges::find_if(cell.rows, &VariantRow::is_baseline);
    const bool baseline_diverged = baseline != cell.rows.end() && baseline->divergence.diverged > 0;
    for (const VariantRow& row : cell.rows) {
      const Divergence& divergence = row.divergence;
      if (!divergence.rate || (divergence.diverged == 0 && !baseline_diverged)) continue;
      places.add([&] {
        const std::string place =
            cat(place_of(comparison, cell, row), " ", divergence.diverged, "/", divergence.finished, " [",
                percent(std::round(divergence.rate->low * 1000) / 1000), ", ",
                percent(std::round(divergence.rate->high * 1000) / 1000), "]");
        return divergence.p ? cat(place, ", p ", p_text(divergence.p)) : place;
      });
    }
  }
  if (places.empty()) return "";
  return cat("diverged: ", places.text(), " (rates with ", percent(1 - sweep.alpha),
             " Wilson intervals; p: exact McNemar test against the baseline).");
}

// Claims that a selection of the seeds would have earned: for the variant, or against it.
std::string selected_note(const SweepRow& sweep, const Comparison& comparison) {
  Places favour, against;
  for_each_comparison(comparison, [&](const CellTable& cell, const VariantRow& row, const MetricRow& metric) {
    const bool withheld = metric.verdict == Verdict::kUndecided &&
                          ((metric.p_holm && *metric.p_holm < sweep.alpha) ||
                           (metric.p_equivalence_holm && *metric.p_equivalence_holm < sweep.alpha));
    if (!withheld) return;
    const Losses& losses = row.losses;
    if (losses.variant_alone > 0)
      favour.add([&] { return cat(place_of(comparison, cell, row), " ", losses.variant_alone); });
    if (losses.baseline_alone > 0)
      against.add([&] { return cat(place_of(comparison, cell, row), " ", losses.baseline_alone); });
  });
  std::string note;
  if (!favour.empty()) {
    note = cat("undecided in spite of its p: seeds that the variant lost and the baseline finished (", favour.text(),
               "); what is left may be the better part, so nothing is claimed in its favour.");
  }
  if (!against.empty()) {
    note += cat(note.empty() ? "" : " ",
                "undecided in spite of its p: seeds that the baseline lost and the variant finished (", against.text(),
                "); what is left of the baseline may be its better part, so nothing is claimed against the variant.");
  }
  return note;
}

// Values that nobody sees in the means.
std::string unusable_note(const SweepRow& sweep, const Comparison& comparison) {
  std::vector<std::string> notes;
  for (size_t i = 0; i < comparison.metrics.size(); ++i) {
    Places places;
    for (const CellTable& cell : comparison.cells) {
      for (const VariantRow& row : cell.rows) {
        const int unusable = row.metrics[i].unusable;
        if (unusable > 0) places.add([&] { return cat(place_of(comparison, cell, row), " ", unusable); });
      }
    }
    if (places.empty()) continue;
    notes.push_back(cat("no usable ", one_line(comparison.metrics[i]), ", though the trial succeeded: ", places.text(),
                        " (not recorded, not finite, or beyond ±1e100)"));
    if (comparison.metrics[i] == sweep.metric) notes.back() += "; such seeds count as lost, like those that diverge";
  }
  return notes.empty() ? "" : join(notes, ". ") + ".";
}

// Counts over all cells, naming where unclean pairs are.
std::string pairing_note(const Comparison& comparison) {
  Pairing total;
  Places places;
  for (const CellTable& cell : comparison.cells) {
    for (const VariantRow& row : cell.rows) {
      total.pairs += row.pairing.pairs;
      total.unclean += row.pairing.unclean;
      total.unchecked += row.pairing.unchecked;
      if (row.pairing.unclean > 0)
        places.add([&] { return cat(place_of(comparison, cell, row), " ", row.pairing.unclean); });
    }
  }
  if (total.pairs == 0) return "";
  std::string note = cat("unclean pairs: ", total.unclean, " of ", total.pairs,
                         " (equal seed, but another batch order or other initial values of equal parameters)");
  if (!places.empty()) note += cat(": ", places.text(", "), "; they stay paired");
  if (total.unchecked > 0) note += cat("; ", total.unchecked, " could not be checked, no hashes are recorded");
  return note + ".";
}

// A variant and its baseline have values, but never for the same seed.
std::string unpaired_note(const Comparison& comparison) {
  Places places;
  for (const CellTable& cell : comparison.cells) {
    const auto baseline = std::ranges::find_if(cell.rows, &VariantRow::is_baseline);
    if (baseline == cell.rows.end() || baseline->metrics.front().summary.n == 0) continue;
    for (const VariantRow& row : cell.rows) {
      const bool unpaired = !row.is_baseline && row.metrics.front().paired.n == 0 && row.metrics.front().summary.n > 0;
      if (unpaired) places.add([&] { return place_of(comparison, cell, row); });
    }
  }
  if (places.empty()) return "";
  return cat("no pairs: ", places.text(), ": no seed has a value on both sides, so nothing is compared.");
}

std::string missing_note(const Comparison& comparison) {
  for (const CellTable& cell : comparison.cells) {
    for (const VariantRow& row : cell.rows) {
      if (row.counts.succeeded == row.counts.planned) continue;
      return "†: seeds that did not succeed; mean and Δ are over the n seeds that have a value, so a variant that "
             "diverges may look better than it is.";
    }
  }
  return "";
}

}  // namespace

bool tests_disagree(const MetricRow& metric, double alpha) {
  return metric.paired.p && metric.p_sign_flip && (*metric.paired.p < alpha) != (*metric.p_sign_flip < alpha);
}

std::vector<std::string> footnotes_of(const SweepRow& sweep, const Comparison& comparison, int decimals) {
  std::vector<std::string> notes;
  for (std::string note :
       {method_note(sweep, comparison), verdict_note(sweep, comparison), disagreement_note(sweep, comparison),
        constant_note(comparison, decimals), identical_note(comparison), unbounded_note(sweep, comparison),
        few_pairs_note(comparison), unpaired_note(comparison), pairing_note(comparison),
        divergence_note(sweep, comparison), selected_note(sweep, comparison), unusable_note(sweep, comparison),
        missing_note(comparison)}) {
    if (!note.empty()) notes.push_back(std::move(note));
  }
  return notes;
}

}  // namespace autonorm::report
