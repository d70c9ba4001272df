// From trials to the numbers of a report: every variant of a cell against the sweep's baseline, paired by seed. Pure.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/pairing.h"
#include "coordinator/report/report_data.h"
#include "coordinator/report/stability.h"
#include "coordinator/report/verdict.h"
#include "core/stats/paired_t.h"
#include "core/stats/summary.h"

namespace autonorm::report {

struct MetricRow {
  stats::Summary summary;             // over the seeds that have the metric
  stats::PairedComparison paired;     // empty (n = 0) for the baseline itself, and where nothing was compared
  int unusable = 0;                   // trials that ended well with a value that cannot be used (stability.h)
  std::optional<stats::Interval> ci;  // by the method that was asked for, absent when all differences are equal but not
                                      // 0; Student's is also in `paired`
  std::optional<double> p;            // by the test that was asked for, absent likewise
  std::optional<double> p_holm;       // primary metric only
  std::optional<double> p_sign_flip;  // exact to 14 pairs; beyond, for the primary metric only
  std::optional<double> p_equivalence, p_equivalence_holm;  // primary metric only; absent without a margin
  Verdict verdict = Verdict::kNoTest;                       // primary metric only
  std::optional<int> further_seeds;                         // when undecided: predicted until decided
  bool identical = false;  // the same trials as the baseline, or at least two pairs without any difference
};

struct VariantRow {
  std::string variant;
  bool is_baseline = false;
  Counts counts;
  Pairing pairing;
  Divergence divergence;
  Losses losses;
  std::optional<std::string>
      same_trials_as;              // an earlier variant of the sweep (baseline first) with exactly these trials
  std::vector<MetricRow> metrics;  // parallel to Comparison::metrics
};

struct CellTable {
  std::map<std::string, std::string> labels;
  bool has_baseline = false;
  std::vector<VariantRow> rows;  // in the sweep file's order; variants excluded from the cell are absent
};

struct Comparison {
  std::vector<std::string> metrics;     // primary first, the others by name
  std::vector<std::string> label_keys;  // matrix keys in the file's order, then other labels by name
  std::vector<CellTable> cells;         // in order of appearance in the data
  int trials = 0, finished = 0;         // distinct trials
  int family = 0;  // comparisons that Holm's correction is over: all variants × cells, those without a p too
  int equivalence_family = 0;  // the same for TOST; 0 without a margin
  IntervalMethod interval{};
  TestMethod test{};
  bool interim() const { return finished < trials; }
};

// Whether more of a metric is better; absent for one that the catalogue does not know, of which nothing can be claimed.
std::optional<bool> direction_of(const std::string& metric);

// Tables for people show the means of secondary metrics only.
enum class ComparedMetrics { kAll, kPrimary };

// Counts as values: finite results of trials that succeeded, stopped or diverged. O(trials · metrics · log).
Comparison compare(const ReportData& data, const ReportOptions& options = {},
                   ComparedMetrics which = ComparedMetrics::kAll);

}  // namespace autonorm::report
