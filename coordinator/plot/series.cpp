#include "coordinator/plot/series.h"

#include <algorithm>
#include <cmath>

#include "coordinator/plot/chart.h"
#include "core/base/text.h"
#include "core/stats/paired_t.h"
#include "core/stats/summary.h"

namespace autonorm::plot {

std::vector<CellTrials> cells_of(const report::ReportData& data) {
  std::vector<CellTrials> cells;
  std::map<std::map<std::string, std::string>, size_t> places;
  const auto keys = report::label_keys_of(data);
  for (const report::TrialRow& row : data.trials) {
    const auto [place, is_new] = places.try_emplace(row.labels, cells.size());
    if (is_new) cells.push_back({report::cell_name(row.labels, keys), row.labels, {}});
    cells[place->second].trials[row.variant].push_back(&row);
  }
  return cells;
}

std::vector<std::string> drawn_variants(const report::ReportData& data) {
  std::vector<std::string> variants = report::variants_of(data);
  const auto present = [&](const std::string& variant) {
    return std::ranges::any_of(data.trials, [&](const report::TrialRow& row) { return row.variant == variant; });
  };
  std::erase_if(variants, [&](const std::string& variant) { return !present(variant); });
  std::ranges::stable_partition(variants, [&](const std::string& v) { return v == data.sweep.baseline; });
  return variants;
}

size_t style_of(const std::string& variant, const report::ReportData& data) {
  if (variant == data.sweep.baseline) return 0;
  size_t style = 1;
  for (const std::string& other : report::variants_of(data)) {
    if (other == variant) return style;
    style += other != data.sweep.baseline;
  }
  return style;
}

Band band_of(const std::vector<double>& values, double alpha) {
  // The interval of a mean is that of the differences to 0.
  const stats::PairedComparison found = stats::compare_paired(values, alpha);
  Band band;
  band.n = found.n;
  band.mean = *found.delta;
  if (found.ci) band.low = found.ci->low, band.high = found.ci->high;
  return band;
}

std::string figure_name(const std::vector<std::string>& parts) {
  std::vector<std::string> words;
  for (const std::string& part : parts) {
    if (!part.empty()) words.push_back(file_word(part));
  }
  return join(words, "-");
}

std::string on_cell(const std::string& what, const CellTrials& cell) {
  return cell.name.empty() ? what : what + " on " + cell.name;
}

void add_subtitles(Chart& chart, const std::string& reading, const PlotInput& input) {
  chart.subtitle(reading);
  for (const std::string& line : input.standing) chart.subtitle(line);
}

void DataRows::add(const std::string& column, report::TidyValue value) {
  if (table_.rows.size() == 1) table_.columns.push_back(column);
  table_.rows.back().push_back(std::move(value));
}

void DataRows::add(const std::string& column, std::optional<double> value) {
  add(column, value && std::isfinite(*value) ? report::TidyValue(*value) : report::TidyValue());
}

}  // namespace autonorm::plot
