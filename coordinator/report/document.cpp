#include "coordinator/report/document.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>

#include "coordinator/report/distinct_trials.h"
#include "coordinator/report/failures.h"
#include "coordinator/report/in_parallel.h"
#include "coordinator/report/notes.h"
#include "coordinator/report/numbers.h"
#include "coordinator/report/origins.h"
#include "coordinator/report/registration.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

// Beside the primary metric people look at these; csv and json have all.
constexpr std::array kSecondary = {"test/accuracy", "test/rmse",        "test/loss",       "val/accuracy",
                                   "val/rmse",      "val/loss",         "train/loss",      "train/samples_per_s",
                                   "train/step_ms", "model/latency_ms", "memory/peak_mib", "model/parameters",
                                   "model/macs"};

constexpr const char* kWins = "P(> baseline)";

std::string counts_text(const Counts& counts) {
  std::vector<std::string> others;
  const auto add = [&others](int count, const char* word) {
    if (count > 0) others.push_back(cat(count, " ", word));
  };
  add(counts.diverged, "diverged");
  add(counts.failed, "failed");
  add(counts.stopped, "stopped");
  add(counts.cancelled, "cancelled");
  add(counts.missing, "missing");
  std::string text = std::to_string(counts.succeeded) + "/" + std::to_string(counts.planned);
  if (!others.empty()) text += " †" + join(others);
  return text;
}

TableCell counts_cell(const Counts& counts) {
  const bool bad = counts.failed > 0 || counts.diverged > 0;
  return {counts_text(counts), bad ? Emphasis::kAlarm : Emphasis::kNone};
}

std::string verdict_text(const VariantRow& row, const CellTable& cell, const std::string& baseline) {
  if (row.is_baseline) return "baseline";
  if (row.same_trials_as) {
    return *row.same_trials_as == baseline ? "identical (same trials)" : cat("identical to ", *row.same_trials_as);
  }
  if (!cell.has_baseline) return "no baseline in this cell";
  const MetricRow& metric = row.metrics.front();
  if (metric.verdict == Verdict::kUndecided && metric.further_seeds)
    return "undecided (+" + std::to_string(*metric.further_seeds) + ")";
  if (metric.verdict == Verdict::kNoTest && metric.paired.n >= 2) return "no verdict";
  return std::string(name(metric.verdict));
}

std::string bound_text(double bound, int decimals) {
  if (std::isfinite(bound)) return with_sign(bound, decimals);
  return bound < 0 ? "-∞" : "+∞";
}

std::string interval_text(const MetricRow& metric, int decimals) {
  if (metric.paired.constant && !metric.ci) return kConstantMark;
  if (!metric.ci) return kAbsent;
  return "[" + bound_text(metric.ci->low, decimals) + ", " + bound_text(metric.ci->high, decimals) + "]";
}

// The p of the test that was not asked for.
std::string other_p_text(const MetricRow& metric, const Comparison& comparison, double alpha) {
  const bool student = comparison.test == TestMethod::kStudent;
  const std::string text = p_text(student ? metric.p_sign_flip : metric.paired.p);
  return tests_disagree(metric, alpha) ? text + " " + kDisagreeMark : text;
}

bool is_claim(Verdict verdict) { return verdict != Verdict::kNoTest && verdict != Verdict::kUndecided; }

int metric_decimals(const Comparison& comparison, size_t metric) {
  std::vector<double> values;
  for (const CellTable& cell : comparison.cells) {
    for (const VariantRow& row : cell.rows) {
      if (row.metrics[metric].summary.max) values.push_back(*row.metrics[metric].summary.max);
      if (row.metrics[metric].summary.min) values.push_back(*row.metrics[metric].summary.min);
    }
  }
  return decimals_for(values);
}

std::vector<TableCell> primary_row(const VariantRow& row, const CellTable& cell, const SweepRow& sweep,
                                   const Comparison& comparison, int decimals) {
  const MetricRow& metric = row.metrics.front();
  const bool compared = !row.is_baseline;
  const Emphasis strong = is_claim(metric.verdict) ? Emphasis::kStrong : Emphasis::kNone;
  return {{one_line(row.variant)},
          counts_cell(row.counts),
          {std::to_string(metric.summary.n)},
          {fixed(metric.summary.mean, decimals)},
          {fixed(metric.summary.sd, decimals)},
          {compared ? with_sign(metric.paired.delta, decimals) : "", strong},
          {compared ? interval_text(metric, decimals) : ""},
          {compared ? p_text(metric.p) : ""},
          {compared ? p_text(metric.p_holm) : "", strong},
          {compared ? other_p_text(metric, comparison, sweep.alpha) : ""},
          {compared ? with_sign(metric.paired.d_z, 2) : ""},
          {compared ? fixed(metric.paired.wins, 2) : ""},
          {one_line(verdict_text(row, cell, sweep.baseline)), is_claim(metric.verdict) ? strong : Emphasis::kFaint}};
}

Section primary_section(const SweepRow& sweep, const Comparison& comparison, const CellTable& cell, int decimals) {
  const bool student = comparison.test == TestMethod::kStudent;
  Section section;
  section.heading = cat(sweep.metric, " on ", one_line(cell_name(cell.labels, comparison.label_keys)));
  section.table.header = {"variant",
                          "seeds",
                          "n",
                          "mean",
                          "sd",
                          "Δ",
                          percent(1 - sweep.alpha) + " CI of Δ",
                          "p",
                          "p (Holm)",
                          student ? "p (sign-flip)" : "p (t)",
                          "d_z",
                          kWins,
                          "verdict"};
  section.table.align.assign(section.table.header.size(), Align::kRight);
  for (const size_t left : {0, 1, 12}) section.table.align[left] = Align::kLeft;
  for (const VariantRow& row : cell.rows) {
    section.table.rows.push_back(primary_row(row, cell, sweep, comparison, decimals));
  }
  return section;
}

struct Column {
  size_t metric;  // into Comparison::metrics
  int decimals;
};

std::vector<Column> secondary_columns(const Comparison& comparison) {
  std::vector<Column> chosen;
  for (const char* name : kSecondary) {
    const auto found = std::ranges::find(comparison.metrics, name);
    const auto metric = static_cast<size_t>(found - comparison.metrics.begin());
    if (found == comparison.metrics.end() || metric == 0) continue;
    chosen.push_back({metric, metric_decimals(comparison, metric)});
  }
  return chosen;
}

Section secondary_section(const Comparison& comparison, const CellTable& cell, const std::vector<Column>& columns) {
  Section section;
  section.heading = cat("other metrics on ", one_line(cell_name(cell.labels, comparison.label_keys)), " (means)");
  section.table.header = {"variant"};
  for (const Column& column : columns) section.table.header.push_back(comparison.metrics[column.metric]);
  section.table.align.assign(section.table.header.size(), Align::kRight);
  section.table.align[0] = Align::kLeft;
  for (const VariantRow& row : cell.rows) {
    std::vector<TableCell> cells = {{one_line(row.variant)}};
    for (const Column& column : columns) {
      cells.push_back({fixed(row.metrics[column.metric].summary.mean, column.decimals)});
    }
    section.table.rows.push_back(std::move(cells));
  }
  return section;
}

std::string wins_note() {
  return cat("d_z: Δ in standard deviations of the differences; ", kWins,
             ": share of the pairs in which the variant is above the baseline, ties one half.");
}

// States of distinct trials; several labels may share one.
std::map<TrialState, int> states_of(const ReportData& data) {
  DistinctTrials counted(data.trials.size());
  std::map<TrialState, int> counts;
  for (const TrialRow& row : data.trials) {
    if (counted.insert(row.trial)) ++counts[row.state];
  }
  return counts;
}

bool is_interim(const ReportData& data) {
  return std::ranges::any_of(data.trials, [](const TrialRow& row) { return is_open(row.state); });
}

Document begin_document(const ReportData& data) {
  const SweepRow& sweep = data.sweep;
  Document document;
  document.title = cat(one_line(sweep.name), " (sweep ", sweep.id, ")");
  if (!sweep.question.empty()) document.preamble.push_back(one_line(sweep.question));
  // Two sweeps may have nothing but equal trials: a remark says so.
  if (!data.trials.empty() || data.remarks.empty()) document.preamble.push_back(progress_text(data));
  if (is_interim(data)) document.standing.push_back(progress_text(data));
  for (const std::string& remark : data.remarks) {
    document.preamble.push_back(one_line(remark));
    document.standing.push_back(one_line(remark));
  }
  return document;
}

void add_failures(const ReportData& data, Document& document) {
  std::string note = failure_note(data);
  if (!note.empty()) document.footnotes.push_back(std::move(note));
}

std::string trial_value(const TrialRow& row, const std::string& metric, int decimals) {
  const auto found = row.results.find(metric);
  return found == row.results.end() ? std::string(kAbsent) : fixed(found->second, decimals);
}

}  // namespace

std::string progress_text(const ReportData& data) {
  if (data.trials.empty()) {
    return "no trials: nothing of this sweep is selected; `coordinator list` shows the sweeps and their trials.";
  }
  int all = 0, open = 0;
  std::vector<std::string> parts;
  for (const auto& [state, count] : states_of(data)) {
    all += count;
    open += is_open(state) ? count : 0;
    parts.push_back(cat(count, " ", name(state)));
  }
  std::string text = open > 0 ? cat("interim: ", all - open, " of ", all, " trials finished (", join(parts), ")")
                              : cat(all, all == 1 ? " trial: " : " trials: ", join(parts));
  if (!data.sweep.profile.empty()) text += cat("; profile ", one_line(data.sweep.profile));
  return text;
}

Document comparison_document(const ReportData& data, const Comparison& comparison) {
  Document document = begin_document(data);
  if (comparison.cells.empty()) return document;
  const std::string registration = one_line(registration_of(data).text);
  document.preamble.push_back(registration);
  document.standing.push_back(registration);
  if (data.sweep.seeds.size() == 1) {
    document.preamble.push_back(
        "one seed: means only; a comparison needs at least 2 seeds that finished on both sides.");
  }
  const int decimals = metric_decimals(comparison, 0);
  const auto secondary = secondary_columns(comparison);
  auto by_cell = in_parallel<std::vector<Section>>(comparison.cells.size(), [&](size_t i) {
    const CellTable& cell = comparison.cells[i];
    std::vector<Section> sections = {primary_section(data.sweep, comparison, cell, decimals)};
    if (!secondary.empty()) sections.push_back(secondary_section(comparison, cell, secondary));
    return sections;
  });
  for (auto& sections : by_cell) std::ranges::move(sections, std::back_inserter(document.sections));
  document.footnotes = footnotes_of(data.sweep, comparison, decimals);
  if (comparison.family > 0) document.footnotes.insert(document.footnotes.begin() + 1, wins_note());
  for (MixedOrigin& mixed : mixed_origins(data)) document.footnotes.push_back(std::move(mixed.note));
  add_failures(data, document);
  return document;
}

Document trials_document(const ReportData& data) {
  Document document = begin_document(data);
  if (data.trials.empty()) return document;
  const auto keys = label_keys_of(data);
  std::vector<double> values;
  for (const TrialRow& row : data.trials) {
    if (const auto found = row.results.find(data.sweep.metric); found != row.results.end())
      values.push_back(found->second);
  }
  Section section{"trials", {}};
  section.table.header = {"variant",  "cell",  "seed",    "trial",           "state", "reason",
                          "attempts", "ranks", "seconds", data.sweep.metric, "worker"};
  section.table.align = {Align::kLeft,  Align::kLeft,  Align::kRight, Align::kLeft,  Align::kLeft, Align::kLeft,
                         Align::kRight, Align::kRight, Align::kRight, Align::kRight, Align::kLeft};
  for (const TrialRow& row : data.trials) {
    const bool bad = row.state == TrialState::kFailed || row.state == TrialState::kDiverged;
    section.table.rows.push_back({{one_line(row.variant)},
                                  {one_line(cell_name(row.labels, keys))},
                                  {cat(row.seed)},
                                  {short_form(row.trial)},
                                  {std::string(name(row.state)), bad ? Emphasis::kAlarm : Emphasis::kNone},
                                  {row.end ? std::string(name(*row.end)) : std::string(kAbsent)},
                                  {cat(row.attempts)},
                                  {cat(row.ranks)},
                                  {fixed(row.duration_s, 1)},
                                  {trial_value(row, data.sweep.metric, decimals_for(values))},
                                  {one_line(*row.worker)}});
  }
  document.sections.push_back(std::move(section));
  add_failures(data, document);
  return document;
}

}  // namespace autonorm::report
