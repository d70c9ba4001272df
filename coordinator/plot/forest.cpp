// Forest plot: the paired difference of each variant to the baseline with its confidence interval, and the verdict.
#include <algorithm>
#include <cmath>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/kinds.h"
#include "coordinator/plot/series.h"
#include "coordinator/report/numbers.h"
#include "coordinator/report/words.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

using report::CellTable;
using report::MetricRow;
using report::VariantRow;

constexpr int kRowsPerPicture = 60;

struct Line {
  std::string label, note;
  const MetricRow* metric = nullptr;  // null: the heading of a cell
  size_t style = 0;
};

std::vector<Line> lines_of(const PlotInput& input) {
  const auto& cells = input.comparison.cells;
  std::vector<Line> lines;
  for (const CellTable& cell : cells) {
    std::vector<Line> compared;
    for (const VariantRow& row : cell.rows) {
      const MetricRow& metric = row.metrics.front();
      if (row.is_baseline || !metric.paired.delta) continue;
      std::string note(report::name(metric.verdict));
      if (metric.verdict == report::Verdict::kNoTest) note = cat(metric.paired.n, " pairs, no verdict");
      if (metric.paired.n == 1 && !metric.identical) note = "1 pair";
      compared.push_back({row.variant, note, &metric, style_of(row.variant, input.data)});
    }
    if (compared.empty()) continue;
    if (cells.size() > 1)
      lines.push_back({report::cell_name(cell.labels, input.comparison.label_keys), "", nullptr, 0});
    std::ranges::move(compared, std::back_inserter(lines));
  }
  return lines;
}

// What is drawn of an interval: an infinite bound ends at the edge, where an arrow says that it goes on.
struct Extent {
  double low = 0, high = 0;
};

Extent extent_of(const std::vector<Line>& lines, double margin) {
  double reach = margin;
  for (const Line& line : lines) {
    if (line.metric == nullptr) continue;
    reach = std::max(reach, std::abs(*line.metric->paired.delta));
    if (!line.metric->ci) continue;
    for (const double bound : {line.metric->ci->low, line.metric->ci->high}) {
      if (std::isfinite(bound)) reach = std::max(reach, std::abs(bound));
    }
  }
  if (reach == 0) reach = 1;
  return {-1.12 * reach, 1.12 * reach};
}

// Between ticks: 1, 2 or 5 times a power of ten, so that at most five numbers stand below the narrow plot.
double tick_step(const Extent& extent) {
  const double least = extent.high / 2.5;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double step : {1.0, 2.0, 5.0}) {
    if (step * power >= least * (1 - 1e-9)) return step * power;
  }
  return 10 * power;
}

void add_forest_row(DataRows& rows, const std::string& cell, const Line& line) {
  rows.begin();
  rows.add("cell", cell);
  rows.add("variant", line.label);
  rows.add("delta", line.metric->paired.delta);
  rows.add("ci_low", line.metric->ci ? std::optional(line.metric->ci->low) : std::nullopt);
  rows.add("ci_high", line.metric->ci ? std::optional(line.metric->ci->high) : std::nullopt);
  rows.add("pairs", report::TidyValue(static_cast<int64_t>(line.metric->paired.n)));
  rows.add("verdict", std::string(report::name(line.metric->verdict)));
}

// One line at height y.
void draw_line(Chart& chart, const Line& line, double y, const Extent& extent) {
  const MetricRow& metric = *line.metric;
  const bool claim = metric.verdict != report::Verdict::kUndecided && metric.verdict != report::Verdict::kNoTest;
  if (metric.ci) {
    const double low = std::max(metric.ci->low, extent.low), high = std::min(metric.ci->high, extent.high);
    chart.command(cat("set arrow from ", number(low), ",", y, " to ", number(high), ",", y,
                      metric.ci->bounded() ? " heads size screen 0.006,90 " : " heads size screen 0.012,20 filled ",
                      "lc rgb '", colour(line.style), "' lw 2 front"));
  }
  const std::string block = chart.block({cat(number(*metric.paired.delta), ' ', y)});
  // Filled where something is claimed, open where nothing is.
  chart.draw(cat(block, " using 1:2 with points lc rgb '", colour(line.style), "' lw 2 ps 1.3 pt ", claim ? 7 : 6,
                 " notitle"));
}

constexpr size_t kLongestLabel = 36;

// Room for the longest label, as a share of the width.
double left_margin(const std::vector<Line>& lines) {
  size_t longest = 0;
  for (const Line& line : lines) longest = std::max(longest, std::min(line.label.size(), kLongestLabel));
  return 0.03 + 0.0125 * static_cast<double>(std::max<size_t>(longest, 8));
}

std::vector<std::string> ticks_of(const std::vector<Line>& lines, bool notes) {
  std::vector<std::string> ticks;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string text = notes ? lines[i].note : shortened(lines[i].label, kLongestLabel);
    if (!text.empty()) ticks.push_back(cat(quoted_label(text), ' ', lines.size() - i));
  }
  return ticks;
}

Figure forest_picture(const PlotInput& input, const std::vector<Line>& lines, const std::string& part) {
  const report::SweepRow& sweep = input.data.sweep;
  Figure figure;
  figure.name = figure_name({"forest", sweep.metric, part});
  std::string reading = cat("paired by seed, ", report::percent(1 - sweep.alpha), " CI (",
                            report::interval_name(input.comparison.interval), ")");
  if (sweep.margin > 0) reading += cat("; grey: margin ±", sweep.margin);
  reading += "; filled: a verdict, open: none";
  figure.title = cat("difference in ", sweep.metric, " to ", sweep.baseline, ", ", reading);
  figure.height = 170 + 30 * static_cast<int>(lines.size());
  Chart chart(cat("difference to ", sweep.baseline), cat("Δ ", sweep.metric), "");
  add_subtitles(chart, reading, input);
  const Extent extent = extent_of(lines, sweep.margin);
  chart.command(cat("set xrange [", number(extent.low), ":", number(extent.high), "]"));
  chart.command(cat("set xtics ", number(tick_step(extent))));
  chart.command(cat("set yrange [0.3:", lines.size() + 1, "]"));
  chart.command("unset key");
  chart.command("set grid x noy");
  chart.command(cat("set lmargin screen ", left_margin(lines), "; set rmargin screen 0.84"));
  chart.command(cat("set ytics noenhanced (", join(ticks_of(lines, false)), ") scale 0"));
  chart.command(cat("set y2range [0.3:", lines.size() + 1, "]"));
  if (const auto notes = ticks_of(lines, true); !notes.empty()) {
    chart.command(cat("set y2tics noenhanced (", join(notes), ") scale 0"));
  }
  if (sweep.margin > 0) {
    chart.command(cat("set object rectangle from ", number(-sweep.margin), ", graph 0 to ", number(sweep.margin),
                      ", graph 1 behind fc rgb '#EEEEEE' fs solid 1 noborder"));
  }
  chart.command("set arrow from 0, graph 0 to 0, graph 1 nohead lc rgb '#444444' dt 2 lw 1.5");
  DataRows rows;
  std::string cell;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].metric == nullptr) {
      cell = lines[i].label;
      continue;
    }
    add_forest_row(rows, cell, lines[i]);
    draw_line(chart, lines[i], static_cast<double>(lines.size() - i), extent);
  }
  figure.data = rows.take();
  figure.script = chart.script();
  return figure;
}

std::vector<Figure> draw_forest(const PlotInput& input) {
  const std::vector<Line> lines = lines_of(input);
  std::vector<Figure> figures;
  for (size_t from = 0; from < lines.size(); from += kRowsPerPicture) {
    const size_t to = std::min(lines.size(), from + kRowsPerPicture);
    const std::string part = lines.size() > kRowsPerPicture ? cat(from / kRowsPerPicture + 1) : "";
    const std::vector<Line> shown(lines.begin() + static_cast<std::ptrdiff_t>(from),
                                  lines.begin() + static_cast<std::ptrdiff_t>(to));
    if (shown.size() > 1 || shown.front().metric != nullptr) figures.push_back(forest_picture(input, shown, part));
  }
  return figures;
}

}  // namespace

const PlotKind kForest = {"forest", "paired difference of each variant to the baseline with CI, margin and verdict",
                          false, "no seed has the metric for a variant and for the baseline", draw_forest};

}  // namespace autonorm::plot
