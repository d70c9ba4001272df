#include "coordinator/report/tidy.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string_view>

#include "coordinator/report/in_parallel.h"
#include "coordinator/report/machine_number.h"
#include "coordinator/report/registration.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

TidyValue value(std::optional<double> number) {
  if (!number || std::isnan(*number)) return std::monostate{};
  return *number;
}
TidyValue count(size_t number) { return static_cast<int64_t>(number); }

// A row is filled column by column name, so that a value and its heading cannot drift apart.
class TidyRow {
 public:
  // `columns`: gets the headings, unless it is null.
  TidyRow(std::vector<TidyValue>& row, std::vector<std::string>* columns) : row_(row), columns_(columns) {}
  void add(std::string_view column, TidyValue content) {
    if (columns_ != nullptr) columns_->emplace_back(column);
    row_.push_back(std::move(content));
  }

 private:
  std::vector<TidyValue>& row_;
  std::vector<std::string>* columns_;
};

void add_labels(TidyRow& row, const std::map<std::string, std::string>& labels, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    const auto found = labels.find(key);
    row.add(key, found == labels.end() ? TidyValue{} : TidyValue{found->second});
  }
}

void add_counts(TidyRow& row, const Counts& counts) {
  row.add("seeds", int64_t{counts.planned});
  row.add("succeeded", int64_t{counts.succeeded});
  row.add("failed", int64_t{counts.failed});
  row.add("diverged", int64_t{counts.diverged});
  row.add("stopped", int64_t{counts.stopped});
  row.add("cancelled", int64_t{counts.cancelled});
  row.add("missing", int64_t{counts.missing});
}

void add_summary(TidyRow& row, const stats::Summary& summary) {
  row.add("n", count(summary.n));
  row.add("mean", value(summary.mean));
  row.add("sd", value(summary.sd));
  row.add("min", value(summary.min));
  row.add("max", value(summary.max));
}

void add_comparison(TidyRow& row, const MetricRow& metric, const Pairing& pairing, const SweepRow& sweep) {
  const stats::PairedComparison& paired = metric.paired;
  row.add("baseline", sweep.baseline);
  row.add("pairs", count(paired.n));
  row.add("pairs_unclean", int64_t{pairing.unclean});
  row.add("delta", value(paired.delta));
  row.add("ci_low", metric.ci ? value(metric.ci->low) : TidyValue{});
  row.add("ci_high", metric.ci ? value(metric.ci->high) : TidyValue{});
  row.add("ci_level", 1 - sweep.alpha);
  row.add("t", value(paired.t));
  row.add("df", count(paired.df));
  row.add("p", value(paired.p));
  row.add("p_holm", value(metric.p_holm));
  row.add("p_signflip", value(metric.p_sign_flip));
  row.add("margin", value(sweep.margin > 0 ? std::optional(sweep.margin) : std::nullopt));
  row.add("p_equivalence", value(metric.p_equivalence));
  row.add("p_equivalence_holm", value(metric.p_equivalence_holm));
  row.add("d_z", value(paired.d_z));
  row.add("wins", value(paired.wins));
  row.add("identical", metric.identical);
  row.add("constant", paired.constant);
  row.add("verdict", metric.verdict == Verdict::kNoTest ? TidyValue{} : TidyValue{std::string(name(metric.verdict))});
  row.add("further_seeds", metric.further_seeds ? TidyValue{static_cast<double>(*metric.further_seeds)} : TidyValue{});
}

void add_divergence(TidyRow& row, const Divergence& divergence) {
  row.add("diverged_low", divergence.rate ? value(divergence.rate->low) : TidyValue{});
  row.add("diverged_high", divergence.rate ? value(divergence.rate->high) : TidyValue{});
  row.add("p_mcnemar", value(divergence.p));
}

void add_comparison_columns(TidyRow& row, const ReportData& data, const Comparison& comparison,
                            const Registration& registration, const CellTable& cell, const VariantRow& variant,
                            size_t metric) {
  row.add("sweep", data.sweep.id.value());
  row.add("sweep_name", data.sweep.name);
  row.add("variant", variant.variant);
  add_labels(row, cell.labels, comparison.label_keys);
  row.add("metric", comparison.metrics[metric]);
  row.add("primary", metric == 0);
  add_summary(row, variant.metrics[metric].summary);
  add_counts(row, variant.counts);
  add_comparison(row, variant.metrics[metric], variant.pairing, data.sweep);
  add_divergence(row, variant.divergence);
  row.add("registration", std::string(registration.word()));
  row.add("interim", comparison.interim());
}

std::vector<std::string> fact_names(const ReportData& data) {
  std::set<std::string> names;
  const TextList* last = nullptr;
  for (const TrialRow& row : data.trials) {
    for (const auto& [name, text] : row.own_facts) names.insert(name);
    if (last == &*row.common_facts) continue;
    last = &*row.common_facts;
    for (const auto& [name, text] : *last) names.insert(name);
  }
  return {names.begin(), names.end()};
}

void add_trial_columns(TidyRow& out, const ReportData& data, const TrialRow& trial,
                       const std::vector<std::string>& keys) {
  out.add("sweep", data.sweep.id.value());
  out.add("sweep_name", data.sweep.name);
  out.add("variant", trial.variant);
  add_labels(out, trial.labels, keys);
  out.add("seed", trial.seed);
  out.add("trial", trial.trial.value());
  out.add("state", std::string(name(trial.state)));
  out.add("end_reason", trial.end ? TidyValue{std::string(name(*trial.end))} : TidyValue{});
  out.add("attempts", int64_t{trial.attempts});
  if (std::ranges::find(keys, "ranks") == keys.end()) out.add("ranks", trial.ranks);  // else it is a label already
  out.add("duration_s", trial.duration_s);
  out.add("worker", *trial.worker);
  out.add("device", *trial.device);
}

void append_text_field(std::string& line, const std::string& text) {
  const auto special = [](char c) { return c == ',' || c == '"' || c == '\r' || c == '\n'; };
  if (std::ranges::none_of(text, special)) {
    line += text;
    return;
  }
  line += '"';
  for (const char c : text) {
    if (c == '"') line += '"';
    line += c;
  }
  line += '"';
}

void append_field(std::string& line, const TidyValue& content) {
  struct Visitor {
    std::string& line;
    void operator()(std::monostate) const {}
    void operator()(bool flag) const { line += flag ? "True" : "False"; }
    void operator()(int64_t number) const { line += std::to_string(number); }
    void operator()(uint64_t number) const { line += std::to_string(number); }
    void operator()(double number) const { append_machine_number(line, number); }
    void operator()(const std::string& text) const { append_text_field(line, text); }
  };
  std::visit(Visitor{line}, content);
}

// The headings of one made-up row.
template <class Fill>
std::vector<std::string> columns_of(Fill fill) {
  std::vector<TidyValue> values;
  std::vector<std::string> columns;
  TidyRow row(values, &columns);
  fill(row);
  return columns;
}

std::string header_line(const std::vector<std::string>& columns) {
  std::string line;
  for (const std::string& column : columns) {
    if (!line.empty()) line += ',';
    append_text_field(line, column);
  }
  return line + "\r\n";
}

void append_line(std::string& lines, const std::vector<TidyValue>& row) {
  for (size_t column = 0; column < row.size(); ++column) {
    if (column > 0) lines += ',';
    append_field(lines, row[column]);
  }
  lines += "\r\n";
}

// make(0) + make(1) + …
template <class Make>
std::string joined(size_t count, Make make) {
  const auto parts = in_parallel<std::string>(count, make);
  size_t size = 0;
  for (const std::string& part : parts) size += part.size();
  std::string text;
  text.reserve(size);
  for (const std::string& part : parts) text += part;
  return text;
}

}  // namespace

TidyTable tidy_trials(const ReportData& data) {
  const auto keys = label_keys_of(data);
  const auto metrics = metrics_of(data);
  const auto facts = fact_names(data);
  const auto fixed_columns = columns_of([&](TidyRow& row) { add_trial_columns(row, data, TrialRow{}, keys); });
  TidyTable table;
  for (const TrialRow& trial : data.trials) {
    const bool first = table.rows.empty();
    table.rows.emplace_back().reserve(table.columns.size());
    TidyRow row(table.rows.back(), first ? &table.columns : nullptr);
    add_trial_columns(row, data, trial, keys);
    for (const std::string& metric : metrics) {
      const auto found = trial.results.find(metric);
      row.add(metric, found == trial.results.end() ? TidyValue{} : value(found->second));
    }
    for (const std::string& fact : facts) {
      const std::string* found = fact_of(trial, fact);
      const bool taken = std::ranges::find(fixed_columns, fact) != fixed_columns.end();
      row.add(taken ? "fact." + fact : fact, found == nullptr ? TidyValue{} : TidyValue{*found});
    }
  }
  if (table.rows.empty()) table.columns = fixed_columns;
  return table;
}

std::string table_texts(const TidyTable& table, const AppendRow& append) {
  constexpr size_t kRowsAtATime = 100;
  return joined((table.rows.size() + kRowsAtATime - 1) / kRowsAtATime, [&](size_t part) {
    std::string text;
    const size_t end = std::min(table.rows.size(), (part + 1) * kRowsAtATime);
    for (size_t i = part * kRowsAtATime; i < end; ++i) append(text, table.rows[i]);
    return text;
  });
}

std::vector<std::string> comparison_columns(const ReportData& data, const Comparison& comparison) {
  VariantRow none;
  none.metrics.resize(1);
  const Registration registration = registration_of(data);
  return columns_of(
      [&](TidyRow& row) { add_comparison_columns(row, data, comparison, registration, CellTable{}, none, 0); });
}

std::string comparison_texts(const ReportData& data, const Comparison& comparison, const AppendRow& append) {
  const Registration registration = registration_of(data);
  return joined(comparison.cells.size(), [&](size_t i) {
    const CellTable& cell = comparison.cells[i];
    std::string text;
    std::vector<TidyValue> values;
    for (const VariantRow& variant : cell.rows) {
      for (size_t metric = 0; metric < comparison.metrics.size(); ++metric) {
        values.clear();
        TidyRow row(values, nullptr);
        add_comparison_columns(row, data, comparison, registration, cell, variant, metric);
        append(text, values);
      }
    }
    return text;
  });
}

std::string csv_text(const TidyTable& table) { return header_line(table.columns) + table_texts(table, append_line); }

std::string comparison_csv(const ReportData& data, const Comparison& comparison) {
  return header_line(comparison_columns(data, comparison)) + comparison_texts(data, comparison, append_line);
}

}  // namespace autonorm::report
