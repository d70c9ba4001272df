// From trials to the numbers of a report: every variant of a cell against the sweep's baseline, paired by seed. Pure.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/report/report_data.h"
#include "coordinator/report/verdict.h"
#include "core/stats/paired_t.h"
#include "core/stats/summary.h"

namespace autonorm::report {

// Seeds of one variant in one cell by how they ended. The parts add up to `planned`.
struct Counts {
  int planned = 0;
  int succeeded = 0, failed = 0, diverged = 0, stopped = 0, cancelled = 0;
  int missing = 0;  // not finished yet, or never submitted
};

// How far pairs of equal seed really differ by their variant alone. Pairs stay paired whatever this says.
struct Pairing {
  int pairs = 0;      // seeds for which variant and baseline both have the primary metric
  int unclean = 0;    // batch order or the initial value of a parameter of equal name and shape differs
  int unchecked = 0;  // a side has recorded no hashes to compare
};

struct MetricRow {
  stats::Summary summary;             // over the seeds that have the metric
  stats::PairedComparison paired;     // empty (n = 0) for the baseline itself
  std::optional<stats::Interval> ci;  // by the method that was asked for; Student's is also in `paired`
  std::optional<double> p;            // by the test that was asked for
  std::optional<double> p_holm;       // primary metric only
  std::optional<double> p_sign_flip;  // exact to 14 pairs; beyond, for the primary metric only
  std::optional<double> p_equivalence, p_equivalence_holm;  // primary metric only; absent without a margin
  Verdict verdict = Verdict::kNoTest;                       // primary metric only
  std::optional<int> further_seeds;                         // when undecided: predicted until decided
  bool identical = false;  // the same trials as the baseline, or at least two pairs without any difference
};

// Seeds that diverged, against the baseline.
struct Divergence {
  int diverged = 0, finished = 0;       // of the seeds that ended in a result or diverged
  std::optional<stats::Interval> rate;  // Wilson; absent when none finished
  std::optional<double> p;              // exact McNemar against the baseline; absent for the baseline itself
};

struct VariantRow {
  std::string variant;
  bool is_baseline = false;
  Counts counts;
  Pairing pairing;
  Divergence divergence;
  bool less_stable = false;  // more diverged or failed seeds than the baseline, of those that both finished
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
  int family = 0;                       // comparisons that Holm's correction is over
  int equivalence_family = 0;           // the same for TOST
  IntervalMethod interval{};
  TestMethod test{};
};

// Counts as values: finite results of trials that succeeded, stopped or diverged. O(trials · metrics · log).
Comparison compare(const ReportData& data, const ReportOptions& options = {});

// "data.name=mnist, train.lr=0.001", in the order of `keys`.
std::string cell_name(const std::map<std::string, std::string>& labels, const std::vector<std::string>& keys);

// The sweep's label keys in report order and its metrics, primary first.
std::vector<std::string> label_keys_of(const ReportData& data);
std::vector<std::string> metrics_of(const ReportData& data);
// A trial's finite value of a metric; absent unless it succeeded, stopped or diverged.
std::optional<double> value_of(const TrialRow& row, const std::string& metric);
// What two trials of equal seed differ in besides their variant; "" when nothing, or when no batch order is recorded.
// Parameters that only one side has cannot differ; equal "name [shape]" must mean equal values.
std::string why_unclean(const TrialRow& a, const TrialRow& b);
// In the file's order, then others in order of appearance.
std::vector<std::string> variants_of(const ReportData& data);

}  // namespace autonorm::report
