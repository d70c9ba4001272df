// What several pictures need: cells, styles of variants, trials of a variant, a mean with its interval.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/figure.h"

namespace autonorm::plot {

struct CellTrials {
  std::string name;  // "data.name=digits"; "" when there is one cell only
  std::map<std::string, std::string> labels;
  std::map<std::string, std::vector<const report::TrialRow*>> trials;  // by variant
};
// In the order of the report.
std::vector<CellTrials> cells_of(const report::ReportData& data);

// Number of a variant's style: 0 for the baseline, the others in the file's order.
size_t style_of(const std::string& variant, const report::ReportData& data);
// Baseline first, then in the file's order.
std::vector<std::string> drawn_variants(const report::ReportData& data);

struct Band {
  size_t n = 0;
  double mean = 0;
  std::optional<double> low, high;  // 95 % interval of the mean over seeds (Student t); absent when n < 2
};
// `values`: finite, at least one.
Band band_of(const std::vector<double>& values, double alpha);

// "curves-val_loss-digits": the parts that are not empty, fit for a file name.
std::string figure_name(const std::vector<std::string>& parts);
// "val/loss on data.name=digits", or without "on …" for a sweep of one cell.
std::string on_cell(const std::string& what, const CellTrials& cell);

// Below the title: how to read the picture, then what it must say of itself.
void add_subtitles(Chart& chart, const std::string& reading, const PlotInput& input);

// Fills a table row by row; the first row names the columns.
class DataRows {
 public:
  void begin() { table_.rows.emplace_back(); }
  void add(const std::string& column, report::TidyValue value);
  void add(const std::string& column, std::optional<double> value);
  bool empty() const { return table_.rows.empty(); }
  report::TidyTable take() { return std::move(table_); }

 private:
  report::TidyTable table_;
};

}  // namespace autonorm::plot
