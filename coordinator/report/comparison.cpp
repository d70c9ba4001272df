#include "coordinator/report/comparison.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/stats/bootstrap.h"
#include "core/stats/equivalence.h"
#include "core/stats/holm.h"
#include "core/stats/proportions.h"
#include "core/stats/sign_flip.h"

namespace autonorm::report {
namespace {

using SeedRows = std::map<uint64_t, const TrialRow*>;  // of one variant in one cell
using CellRows = std::map<std::string, SeedRows>;      // by variant
using Labels = std::map<std::string, std::string>;

bool has_result(const TrialRow& row) {
  return row.state == TrialState::kSucceeded || row.state == TrialState::kStopped || row.state == TrialState::kDiverged;
}

void count(TrialState state, Counts& counts) {
  switch (state) {
    case TrialState::kSucceeded:
      ++counts.succeeded;
      return;
    case TrialState::kFailed:
      ++counts.failed;
      return;
    case TrialState::kDiverged:
      ++counts.diverged;
      return;
    case TrialState::kStopped:
      ++counts.stopped;
      return;
    case TrialState::kCancelled:
      ++counts.cancelled;
      return;
    case TrialState::kWaiting:
    case TrialState::kQueued:
    case TrialState::kAssigned:
    case TrialState::kRunning:
      ++counts.missing;
      return;
  }
}

Counts counts_of(const SeedRows& rows, size_t seeds) {
  Counts counts;
  for (const auto& [seed, row] : rows) count(row->state, counts);
  counts.planned = static_cast<int>(std::max(rows.size(), seeds));
  counts.missing += counts.planned - static_cast<int>(rows.size());
  return counts;
}

enum class Cleanness { kClean, kUnclean, kUnchecked };

Cleanness cleanness(const TrialRow& a, const TrialRow& b) {
  if (!a.facts.contains("order_sha256") || !b.facts.contains("order_sha256")) return Cleanness::kUnchecked;
  return why_unclean(a, b).empty() ? Cleanness::kClean : Cleanness::kUnclean;
}

Pairing pairing_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric) {
  Pairing pairing;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || !value_of(*row, metric) || !value_of(*other->second, metric)) continue;
    ++pairing.pairs;
    const Cleanness clean = cleanness(*row, *other->second);
    pairing.unclean += clean == Cleanness::kUnclean;
    pairing.unchecked += clean == Cleanness::kUnchecked;
  }
  return pairing;
}

bool same_trials(const SeedRows& a, const SeedRows& b) {
  return std::ranges::equal(
      a, b, [](const auto& x, const auto& y) { return x.first == y.first && x.second->trial == y.second->trial; });
}

std::vector<double> differences_of(const SeedRows& variant, const SeedRows& baseline, const std::string& metric) {
  std::vector<double> differences;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end()) continue;
    const auto ours = value_of(*row, metric), theirs = value_of(*other->second, metric);
    if (ours && theirs) differences.push_back(*ours - *theirs);
  }
  return differences;
}

std::optional<stats::Interval> interval_of(const std::vector<double>& differences, const MetricRow& row,
                                           const SweepRow& sweep, IntervalMethod method) {
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

bool higher_is_better(const std::string& metric) {
  const config::Metric* known = config::find_metric(metric);
  return known == nullptr || known->higher_is_better;
}

bool failed_or_diverged(const TrialRow& row) {
  return row.state == TrialState::kDiverged || row.state == TrialState::kFailed;
}

// Over the seeds that both sides have finished, so that a variant that is further along does not look worse.
bool is_less_stable(const SeedRows& variant, const SeedRows& baseline) {
  int ours = 0, theirs = 0;
  for (const auto& [seed, row] : variant) {
    const auto other = baseline.find(seed);
    if (other == baseline.end() || is_open(row->state) || is_open(other->second->state)) continue;
    ours += failed_or_diverged(*row);
    theirs += failed_or_diverged(*other->second);
  }
  return ours > theirs;
}

Divergence divergence_of(const SeedRows& variant, const SeedRows* baseline, double alpha) {
  Divergence out;
  int only_ours = 0, only_theirs = 0;
  for (const auto& [seed, row] : variant) {
    if (!has_result(*row)) continue;
    const bool diverged = row->state == TrialState::kDiverged;
    ++out.finished;
    out.diverged += diverged;
    if (baseline == nullptr) continue;
    const auto other = baseline->find(seed);
    if (other == baseline->end() || !has_result(*other->second)) continue;
    const bool other_diverged = other->second->state == TrialState::kDiverged;
    only_ours += diverged && !other_diverged;
    only_theirs += other_diverged && !diverged;
  }
  out.rate = stats::wilson_interval(out.diverged, out.finished, alpha);
  if (baseline != nullptr) out.p = stats::mcnemar_p(only_ours, only_theirs);
  return out;
}

MetricRow metric_row(const SeedRows& variant, const SeedRows* baseline, const std::string& metric,
                     const SweepRow& sweep, const ReportOptions& options) {
  MetricRow out;
  std::vector<double> values;
  for (const auto& [seed, row] : variant) {
    if (const auto value = value_of(*row, metric)) values.push_back(*value);
  }
  out.summary = stats::summarize(values);
  if (baseline == nullptr) return out;
  const std::vector<double> differences = differences_of(variant, *baseline, metric);
  out.paired = stats::compare_paired(differences, sweep.alpha);
  // Beyond the exact range each p costs a million draws: worth it for the primary metric only.
  if (metric == sweep.metric || differences.size() <= stats::kExactSignFlipPairs)
    out.p_sign_flip = stats::sign_flip_p(differences);
  out.identical = out.paired.identical && (out.paired.n >= 2 || same_trials(variant, *baseline));
  out.ci = interval_of(differences, out, sweep, options.interval);
  out.p = options.test == TestMethod::kStudent ? out.paired.p : out.p_sign_flip;
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
                     const ReportOptions& options) {
  CellTable table;
  table.labels = labels;
  const auto baseline = cell.find(sweep.baseline);
  table.has_baseline = baseline != cell.end();
  for (const std::string& variant : variants) {
    const auto found = cell.find(variant);
    if (found == cell.end()) continue;
    VariantRow row;
    row.variant = variant;
    row.is_baseline = variant == sweep.baseline;
    row.counts = counts_of(found->second, sweep.seeds.size());
    row.same_trials_as = twin_of(variant, sweep, cell, variants);
    const SeedRows* other = row.is_baseline || !table.has_baseline ? nullptr : &baseline->second;
    if (other != nullptr) row.pairing = pairing_of(found->second, *other, sweep.metric);
    row.divergence = divergence_of(found->second, other, sweep.alpha);
    row.less_stable = other != nullptr && is_less_stable(found->second, *other);
    for (const std::string& metric : metrics) {
      row.metrics.push_back(metric_row(found->second, other, metric, sweep, options));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

int present(const std::vector<std::optional<double>>& p) {
  return static_cast<int>(std::ranges::count_if(p, [](const auto& x) { return x.has_value(); }));
}

void adjust(Comparison& comparison) {
  std::vector<std::optional<double>> p, equivalence;
  std::vector<MetricRow*> primary;
  for (CellTable& cell : comparison.cells) {
    for (VariantRow& row : cell.rows) {
      if (row.is_baseline) continue;
      primary.push_back(&row.metrics.front());
      p.push_back(row.metrics.front().p);
      equivalence.push_back(row.metrics.front().p_equivalence);
    }
  }
  const auto adjusted = stats::holm(p), adjusted_equivalence = stats::holm(equivalence);
  for (size_t i = 0; i < primary.size(); ++i) {
    primary[i]->p_holm = adjusted[i];
    primary[i]->p_equivalence_holm = adjusted_equivalence[i];
  }
  comparison.family = present(p);
  comparison.equivalence_family = present(equivalence);
}

void judge(const SweepRow& sweep, Comparison& comparison) {
  for (CellTable& cell : comparison.cells) {
    for (VariantRow& row : cell.rows) {
      if (row.is_baseline || !cell.has_baseline) continue;
      MetricRow& metric = row.metrics.front();
      metric.verdict = verdict_of({.paired = metric.paired,
                                   .ci = metric.ci,
                                   .p_adjusted = metric.p_holm,
                                   .p_equivalence_adjusted = metric.p_equivalence_holm,
                                   .identical = metric.identical,
                                   .less_stable = row.less_stable,
                                   .higher_is_better = higher_is_better(sweep.metric),
                                   .alpha = sweep.alpha});
      if (metric.verdict != Verdict::kUndecided) continue;
      metric.further_seeds = further_seeds(metric.paired, sweep.margin, sweep.alpha, comparison.family);
    }
  }
}

void count_trials(const ReportData& data, Comparison& comparison) {
  std::set<TrialId> all, finished;
  for (const TrialRow& row : data.trials) {
    all.insert(row.trial);
    if (!is_open(row.state)) finished.insert(row.trial);
  }
  comparison.trials = static_cast<int>(all.size());
  comparison.finished = static_cast<int>(finished.size());
}

}  // namespace

std::optional<double> value_of(const TrialRow& row, const std::string& metric) {
  if (!has_result(row)) return std::nullopt;
  const auto found = row.results.find(metric);
  if (found == row.results.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

std::string why_unclean(const TrialRow& a, const TrialRow& b) {
  const auto order_a = a.facts.find("order_sha256"), order_b = b.facts.find("order_sha256");
  if (order_a == a.facts.end() || order_b == b.facts.end()) return "";
  if (order_a->second != order_b->second) return "another batch order";
  for (const auto& [parameter, hash] : a.initial) {
    const auto other = b.initial.find(parameter);
    if (other != b.initial.end() && other->second != hash) return cat("other initial values of ", parameter);
  }
  return "";
}

std::vector<std::string> metrics_of(const ReportData& data) {
  std::set<std::string> names;
  for (const TrialRow& row : data.trials) {
    for (const auto& [metric, value] : row.results) names.insert(metric);
  }
  names.erase(data.sweep.metric);
  std::vector<std::string> metrics = {data.sweep.metric};
  metrics.insert(metrics.end(), names.begin(), names.end());
  return metrics;
}

std::vector<std::string> variants_of(const ReportData& data) {
  std::vector<std::string> variants = data.sweep.variants;
  std::set<std::string> known(variants.begin(), variants.end());
  for (const TrialRow& row : data.trials) {
    if (known.insert(row.variant).second) variants.push_back(row.variant);
  }
  return variants;
}

std::vector<std::string> label_keys_of(const ReportData& data) {
  std::vector<std::string> keys = data.sweep.matrix_keys;
  std::set<std::string> others;
  for (const TrialRow& row : data.trials) {
    for (const auto& [key, value] : row.labels) others.insert(key);
  }
  for (const std::string& key : keys) others.erase(key);
  keys.insert(keys.end(), others.begin(), others.end());
  return keys;
}

std::string cell_name(const Labels& labels, const std::vector<std::string>& keys) {
  std::vector<std::string> parts;
  for (const std::string& key : keys) {
    if (const auto found = labels.find(key); found != labels.end()) parts.push_back(cat(key, "=", found->second));
  }
  return join(parts);
}

Comparison compare(const ReportData& data, const ReportOptions& options) {
  Comparison comparison;
  comparison.interval = options.interval;
  comparison.test = options.test;
  comparison.metrics = metrics_of(data);
  comparison.label_keys = label_keys_of(data);
  std::vector<Labels> order;
  std::map<Labels, CellRows> cells;
  for (const TrialRow& row : data.trials) {
    const auto [cell, is_new] = cells.try_emplace(row.labels);
    if (is_new) order.push_back(row.labels);
    cell->second[row.variant].emplace(row.seed, &row);
  }
  const auto variants = variants_of(data);
  for (const Labels& labels : order) {
    comparison.cells.push_back(cell_table(labels, cells.at(labels), data.sweep, variants, comparison.metrics, options));
  }
  adjust(comparison);
  judge(data.sweep, comparison);
  count_trials(data, comparison);
  return comparison;
}

}  // namespace autonorm::report
