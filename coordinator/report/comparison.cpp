#include "coordinator/report/comparison.h"

#include <algorithm>

#include "coordinator/report/distinct_trials.h"
#include "coordinator/report/in_parallel.h"
#include "core/config/catalogue.h"
#include "core/config/rerun.h"
#include "core/stats/bootstrap.h"
#include "core/stats/equivalence.h"
#include "core/stats/holm.h"
#include "core/stats/power.h"
#include "core/stats/sign_flip.h"

namespace autonorm::report {
namespace {

using CellRows = std::map<std::string, SeedRows>;  // by variant
using Labels = std::map<std::string, std::string>;

std::optional<stats::Interval> interval_of(const std::vector<double>& differences, const MetricRow& row,
                                           const SweepRow& sweep, IntervalMethod method) {
  if (row.paired.constant) return std::nullopt;
  switch (method) {
    case IntervalMethod::kStudent:
      return row.paired.ci;
    case IntervalMethod::kBca:
      return row.paired.identical ? row.paired.ci : stats::bca_interval(differences, sweep.alpha);
    case IntervalMethod::kPermutation:
      return row.paired.identical ? row.paired.ci : stats::sign_flip_interval(differences, sweep.alpha);
  }
  return std::nullopt;
}

MetricRow metric_row(const SeedRows& variant, const SeedRows* baseline, const std::string& metric,
                     const SweepRow& sweep, const ReportOptions& options) {
  MetricRow out;
  std::vector<double> values;
  for (const auto& [seed, row] : variant) {
    if (const auto value = value_of(*row, metric)) values.push_back(*value);
  }
  out.summary = stats::summarize(values);
  out.unusable = unusable_values(variant, metric, metric == sweep.metric);
  if (baseline == nullptr) return out;
  const std::vector<double> differences = differences_of(variant, *baseline, metric);
  out.paired = stats::compare_paired(differences, sweep.alpha);
  // Beyond the exact range each p costs a million draws: worth it for the primary metric only.
  if (metric == sweep.metric || differences.size() <= stats::kExactSignFlipPairs)
    out.p_sign_flip = stats::sign_flip_p(differences);
  out.identical = out.paired.identical && (out.paired.n >= 2 || same_trials(variant, *baseline));
  out.ci = interval_of(differences, out, sweep, options.interval);
  if (!out.paired.constant) out.p = options.test == TestMethod::kStudent ? out.paired.p : out.p_sign_flip;
  if (metric == sweep.metric) out.p_equivalence = stats::equivalence_p(out.paired, sweep.margin);
  return out;
}

// The baseline, or else the first earlier variant that trained exactly the same trials.
std::optional<std::string> twin_of(const std::string& variant, const SweepRow& sweep, const CellRows& cell,
                                   const std::vector<std::string>& variants) {
  if (variant == sweep.baseline) return std::nullopt;
  const SeedRows& own = cell.at(variant);
  const auto matches = [&](const std::string& other) {
    const auto found = cell.find(other);
    return other != variant && found != cell.end() && same_trials(own, found->second);
  };
  if (matches(sweep.baseline)) return sweep.baseline;
  for (const std::string& other : variants) {
    if (other == variant) return std::nullopt;
    if (matches(other)) return other;
  }
  return std::nullopt;
}

CellTable cell_table(const Labels& labels, const CellRows& cell, const SweepRow& sweep,
                     const std::vector<std::string>& variants, const std::vector<std::string>& metrics,
                     const ReportOptions& options, ComparedMetrics which, InitialLists& lists) {
  CellTable table;
  table.labels = labels;
  const auto baseline = cell.find(sweep.baseline);
  table.has_baseline = baseline != cell.end();
  // A re-run plans the trials that it has, not the seeds of the study that it is of.
  const size_t planned = config::is_rerun_name(sweep.name) ? 0 : sweep.seeds.size();
  for (const std::string& variant : variants) {
    const auto found = cell.find(variant);
    if (found == cell.end()) continue;
    VariantRow row;
    row.variant = variant;
    row.is_baseline = variant == sweep.baseline;
    row.counts = counts_of(found->second, planned);
    row.same_trials_as = twin_of(variant, sweep, cell, variants);
    const SeedRows* other = row.is_baseline || !table.has_baseline ? nullptr : &baseline->second;
    if (other != nullptr) row.pairing = pairing_of(found->second, *other, sweep.metric, lists);
    row.divergence = divergence_of(found->second, other, sweep.alpha);
    if (other != nullptr) row.losses = losses_of(found->second, *other, sweep.metric);
    row.metrics.reserve(metrics.size());
    for (const std::string& metric : metrics) {
      const bool compared = which == ComparedMetrics::kAll || metric == sweep.metric;
      row.metrics.push_back(metric_row(found->second, compared ? other : nullptr, metric, sweep, options));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// A comparison without a p (lost seeds, differences without spread) counts in the family as one with p 1: what is lost
// shall not make the others easier.
void adjust(const SweepRow& sweep, Comparison& comparison) {
  std::vector<std::optional<double>> p, equivalence;
  std::vector<MetricRow*> primary;
  for (CellTable& cell : comparison.cells) {
    for (VariantRow& row : cell.rows) {
      if (row.is_baseline || !cell.has_baseline) continue;
      primary.push_back(&row.metrics.front());
      p.push_back(row.metrics.front().p.value_or(1));
      equivalence.push_back(row.metrics.front().p_equivalence.value_or(1));
    }
  }
  const auto adjusted = stats::holm(p), adjusted_equivalence = stats::holm(equivalence);
  for (size_t i = 0; i < primary.size(); ++i) {
    if (primary[i]->p) primary[i]->p_holm = adjusted[i];
    if (primary[i]->p_equivalence) primary[i]->p_equivalence_holm = adjusted_equivalence[i];
  }
  comparison.family = static_cast<int>(primary.size());
  comparison.equivalence_family = sweep.margin > 0 ? comparison.family : 0;
}

// Pairs without which the tests in use find no difference.
int fewest_pairs(const SweepRow& sweep, const Comparison& comparison) {
  if (comparison.test == TestMethod::kSignFlip) return stats::sign_flip_pairs_needed(comparison.family, sweep.alpha);
  if (comparison.interval == IntervalMethod::kPermutation) return stats::sign_flip_pairs_needed(1, sweep.alpha);
  return 2;
}

void judge(const SweepRow& sweep, int family, int fewest, VariantRow& row) {
  MetricRow& metric = row.metrics.front();
  const auto higher_is_better = direction_of(sweep.metric);
  metric.verdict = verdict_of({.paired = metric.paired,
                               .ci = metric.ci,
                               .p_adjusted = metric.p_holm,
                               .p_equivalence_adjusted = metric.p_equivalence_holm,
                               .identical = metric.identical,
                               .less_stable = row.losses.less_stable(),
                               .selected = row.losses.variant_alone > 0,
                               .baseline_selected = row.losses.baseline_alone > 0,
                               .higher_is_better = higher_is_better.value_or(true),
                               .alpha = sweep.alpha});
  if (!higher_is_better && metric.verdict != Verdict::kIdentical)
    metric.verdict = row.losses.less_stable() ? Verdict::kLessStable : Verdict::kNoTest;
  // Where one side goes on losing seeds, more of them decide nothing.
  const bool losing = row.losses.variant_alone > 0 || row.losses.baseline_alone > 0;
  if (metric.verdict != Verdict::kUndecided || losing) return;
  metric.further_seeds = further_seeds(metric.paired, sweep.margin, sweep.alpha, family, fewest);
}

void judge(const SweepRow& sweep, Comparison& comparison) {
  const int fewest = fewest_pairs(sweep, comparison);
  comparison.cells = in_parallel<CellTable>(comparison.cells.size(), [&](size_t i) {
    CellTable cell = std::move(comparison.cells[i]);
    for (VariantRow& row : cell.rows) {
      if (!row.is_baseline && cell.has_baseline) judge(sweep, comparison.family, fewest, row);
    }
    return cell;
  });
}

void count_trials(const ReportData& data, Comparison& comparison) {
  DistinctTrials counted(data.trials.size());
  for (const TrialRow& row : data.trials) {
    if (counted.insert(row.trial) && !is_open(row.state)) ++comparison.finished;
  }
  comparison.trials = static_cast<int>(counted.size());
}

}  // namespace

std::optional<bool> direction_of(const std::string& metric) {
  const config::Metric* known = config::find_metric(metric);
  return known == nullptr ? std::nullopt : std::optional(known->higher_is_better);
}

Comparison compare(const ReportData& data, const ReportOptions& options, ComparedMetrics which) {
  Comparison comparison;
  comparison.interval = options.interval;
  comparison.test = options.test;
  comparison.metrics = metrics_of(data);
  comparison.label_keys = label_keys_of(data);
  std::vector<const Labels*> order;  // of the keys of `cells`
  std::map<Labels, CellRows> cells;
  SeedRows* seeds = nullptr;
  const TrialRow* last = nullptr;
  for (const TrialRow& row : data.trials) {
    // The seeds of a variant in a cell mostly follow each other: then there is nothing to look up.
    if (last == nullptr || last->variant != row.variant || last->labels != row.labels) {
      const auto [cell, is_new] = cells.try_emplace(row.labels);
      if (is_new) order.push_back(&cell->first);
      seeds = &cell->second[row.variant];
    }
    last = &row;
    seeds->emplace(row.seed, &row);
  }
  const auto variants = variants_of(data);
  InitialLists lists;
  comparison.cells = in_parallel<CellTable>(order.size(), [&](size_t i) {
    return cell_table(*order[i], cells.at(*order[i]), data.sweep, variants, comparison.metrics, options, which, lists);
  });
  adjust(data.sweep, comparison);
  judge(data.sweep, comparison);
  count_trials(data, comparison);
  return comparison;
}

}  // namespace autonorm::report
