#include "coordinator/report/explain_cell.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "coordinator/report/comparison.h"
#include "coordinator/report/machine_number.h"
#include "coordinator/report/names.h"
#include "coordinator/report/numbers.h"
#include "coordinator/report/origins.h"
#include "coordinator/report/table.h"
#include "core/base/text.h"

namespace autonorm::report {
namespace {

using CellLabels = std::map<std::string, std::string>;
using RowOfSeed = std::map<uint64_t, const TrialRow*>;

struct Named {
  std::string variant, cell;
};

// Variants may contain a slash, so the longest variant that fits decides.
Result<Named> split_name(const ReportData& data, const std::string& which) {
  const auto variants = variants_of(data);
  const std::string* best = nullptr;
  for (const std::string& variant : variants) {
    const bool fits = which == variant || which.starts_with(variant + "/");
    if (fits && (best == nullptr || best->size() < variant.size())) best = &variant;
  }
  if (best != nullptr) return Named{*best, which.size() > best->size() ? which.substr(best->size() + 1) : ""};
  const std::string near = nearest(which.substr(0, which.find('/')), variants);
  return invalid("--explain-cell '", which, "' does not begin with a variant of sweep ", data.sweep.id,
                 "; write VARIANT/CELL with one of ", quoted(variants),
                 near.empty() ? "" : cat("; did you mean '", near, "'?"));
}

bool answers_to(const CellLabels& labels, const std::string& cell, const std::vector<std::string>& keys) {
  if (cell.empty() || cell == cell_name(labels, keys)) return true;
  return std::ranges::any_of(labels, [&](const auto& label) { return label.second == cell; });
}

Result<CellLabels> find_cell(const ReportData& data, const Named& named) {
  const auto keys = label_keys_of(data);
  std::set<CellLabels> all, fitting;
  for (const TrialRow& row : data.trials) {
    if (row.variant != named.variant) continue;
    all.insert(row.labels);
    if (answers_to(row.labels, named.cell, keys)) fitting.insert(row.labels);
  }
  if (fitting.size() == 1) return *fitting.begin();
  if (all.empty()) {
    return invalid("--explain-cell: nothing of '", named.variant,
                   "' is selected; leave out --variant, --data and --where");
  }
  std::vector<std::string> names;
  for (const CellLabels& labels : fitting.empty() ? all : fitting) names.push_back(cell_name(labels, keys));
  return invalid("--explain-cell: ", fitting.empty() ? "no cell" : cat(fitting.size(), " cells"), " of '",
                 named.variant, "' ", fitting.empty() ? "is called" : "answer to", " '", named.cell, "'; there are ",
                 quoted(names));
}

RowOfSeed rows_of(const ReportData& data, const std::string& variant, const CellLabels& labels) {
  RowOfSeed rows;
  for (const TrialRow& row : data.trials) {
    if (row.variant == variant && row.labels == labels) rows.emplace(row.seed, &row);
  }
  return rows;
}

std::string why_left_out(const TrialRow* row, const std::string& metric, const char* side) {
  if (row == nullptr) return cat(side, ": no trial for this seed");
  if (value_of(*row, metric)) return "";
  const std::string end = row->end ? cat(" (", name(*row->end), ")") : "";
  if (is_open(row->state)) return cat(side, ": not finished (", name(row->state), ")");
  if (row->state == TrialState::kFailed || row->state == TrialState::kCancelled) {
    return cat(side, ": ", name(row->state), end);
  }
  return cat(side, ": ", name(row->state), end, " without a usable ", metric, " (finite, and at most 1e100 in size)");
}

std::vector<TableCell> trial_cells(const TrialRow* row, const std::string& metric) {
  if (row == nullptr) return {{kAbsent}, {kAbsent}, {kAbsent}, {kAbsent}};
  const auto value = value_of(*row, metric);
  return {{short_form(row->trial)},
          {std::string(name(row->state))},
          {cat(row->attempts)},
          {value ? machine_number(*value) : std::string(kAbsent)}};
}

// As many decimals as the two values have themselves: beyond, the digits are those of binary arithmetic.
std::string difference_text(double value, double baseline) {
  const double largest = std::max({std::abs(value), std::abs(baseline), 1e-300});
  const double unit = std::pow(10.0, std::floor(std::log10(largest)) - 14);
  return machine_number(std::round((value - baseline) / unit) * unit);
}

Table seed_table(const ReportData& data, const RowOfSeed& ours, const RowOfSeed& theirs, bool is_baseline) {
  const auto row_for = [](const RowOfSeed& rows, uint64_t seed) {
    const auto found = rows.find(seed);
    return found == rows.end() ? nullptr : found->second;
  };
  Table table;
  table.header = {"seed", "trial", "state", "attempts", data.sweep.metric};
  if (!is_baseline)
    table.header.insert(table.header.end(), {"baseline's", "state", "attempts", data.sweep.metric, "Δ"});
  table.header.push_back("left out");
  table.align.assign(table.header.size(), Align::kLeft);
  std::set<uint64_t> seeds(data.sweep.seeds.begin(), data.sweep.seeds.end());
  for (const RowOfSeed* rows : {&ours, &theirs}) {
    for (const auto& [seed, row] : *rows) seeds.insert(seed);
  }
  for (const uint64_t seed : seeds) {
    const TrialRow *own = row_for(ours, seed), *other = row_for(theirs, seed);
    std::vector<TableCell> cells = {{cat(seed)}};
    std::ranges::copy(trial_cells(own, data.sweep.metric), std::back_inserter(cells));
    std::vector<std::string> reasons = {why_left_out(own, data.sweep.metric, "variant")};
    if (!is_baseline) {
      std::ranges::copy(trial_cells(other, data.sweep.metric), std::back_inserter(cells));
      reasons.push_back(why_left_out(other, data.sweep.metric, "baseline"));
      const bool pair = reasons[0].empty() && reasons[1].empty();
      cells.push_back({pair ? difference_text(*value_of(*own, data.sweep.metric), *value_of(*other, data.sweep.metric))
                            : std::string(kAbsent)});
    }
    std::erase(reasons, "");
    cells.push_back({join(reasons, "; ")});
    table.rows.push_back(std::move(cells));
  }
  return table;
}

struct FactValue {
  std::string value;
  std::vector<std::string> seeds;
};

// Each fact once: its value when all trials agree, else one per seed.
std::string facts_text(const RowOfSeed& rows) {
  std::map<std::string, std::vector<FactValue>> values_of;  // in the order of the seeds
  for (const auto& [seed, row] : rows) {
    const auto note = [&](const std::string& name, const std::string& value) {
      if (value.empty()) return;
      auto& values = values_of[name];
      auto known = std::ranges::find(values, value, &FactValue::value);
      if (known == values.end()) known = values.insert(known, {value, {}});
      known->seeds.push_back(cat(seed));
    };
    for (const auto& [fact, value] : facts_of(*row)) note(fact, value);
    note("configuration", row->configuration);
    note("worker", row->worker);
    note("worker's device", row->device);
    note("ranks", cat(row->ranks));
    note("trial", row->trial.value());
    if (row->trained_again_by) note("trained again by sweep", cat(*row->trained_again_by));
  }
  std::string text;
  for (const auto& [name, values] : values_of) {
    const bool common = values.size() == 1 && values.front().seeds.size() == rows.size();
    for (const auto& [value, seeds] : values) {
      text += cat("  ", one_line(name), common ? "" : cat(" (seed ", join(seeds), ")"), ": ", one_line(value), "\n");
    }
  }
  return text;
}

std::string unclean_text(const RowOfSeed& ours, const RowOfSeed& theirs) {
  std::string text;
  for (const auto& [seed, row] : ours) {
    const auto other = theirs.find(seed);
    if (other == theirs.end()) continue;
    std::vector<std::string> reasons = origin_differences(*row, *other->second);
    if (std::string why = why_unclean(*row, *other->second); !why.empty()) reasons.push_back(std::move(why));
    if (!reasons.empty()) text += cat("  seed ", seed, ": ", one_line(join(reasons)), "\n");
  }
  return text.empty() ? "" : "\npairs that differ by more than their variant (they stay paired)\n" + text;
}

}  // namespace

Result<std::string> explain_cell(const ReportData& data, const std::string& which) {
  const auto named = split_name(data, which);
  if (!named.ok()) return named.status();
  const auto labels = find_cell(data, *named);
  if (!labels.ok()) return labels.status();
  const bool is_baseline = named->variant == data.sweep.baseline;
  const RowOfSeed ours = rows_of(data, named->variant, *labels);
  const RowOfSeed theirs = is_baseline ? RowOfSeed() : rows_of(data, data.sweep.baseline, *labels);
  std::string text = cat(one_line(named->variant), " on ", one_line(cell_name(*labels, label_keys_of(data))),
                         ", sweep ", data.sweep.id, " (", one_line(data.sweep.name), ")");
  if (!is_baseline) text += cat(", against ", one_line(data.sweep.baseline));
  text += "\n\n" + aligned_text(seed_table(data, ours, theirs, is_baseline), false) + unclean_text(ours, theirs);
  text += cat("\n", one_line(named->variant), "\n", facts_text(ours));
  if (!is_baseline) text += cat("\n", one_line(data.sweep.baseline), " (baseline)\n", facts_text(theirs));
  return text;
}

}  // namespace autonorm::report
