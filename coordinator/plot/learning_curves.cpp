// Learning curves: the mean over seeds with its confidence band, one picture per cell and metric.
#include <algorithm>
#include <cmath>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/kinds.h"
#include "coordinator/plot/series.h"
#include "coordinator/report/numbers.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

constexpr const char* kCurveMetrics[] = {"val/accuracy", "val/rmse", "val/loss", "train/loss"};

struct CurvePointBand {
  int64_t step = 0;
  Band band;
};

// Seeds that have a value at a step; a seed that diverged drops out there, and `n` says so.
std::vector<CurvePointBand> curve_of(const std::vector<const report::TrialRow*>& trials, const std::string& metric,
                                     const PlotInput& input) {
  std::map<int64_t, std::vector<double>> values;
  for (const report::TrialRow* trial : trials) {
    const auto history = input.histories.find(trial->trial);
    if (history == input.histories.end()) continue;
    for (const report::Curve& curve : history->second.curves) {
      if (curve.metric != metric) continue;
      for (const report::CurvePoint& point : curve.points) {
        if (std::isfinite(point.value)) values[point.step].push_back(point.value);
      }
    }
  }
  std::vector<CurvePointBand> curve;
  for (const auto& [step, at_step] : values) curve.push_back({step, band_of(at_step, input.data.sweep.alpha)});
  return curve;
}

void add_curve_rows(DataRows& rows, const std::string& variant, const std::vector<CurvePointBand>& curve) {
  for (const auto& [step, band] : curve) {
    rows.begin();
    rows.add("variant", variant);
    rows.add("step", report::TidyValue(step));
    rows.add("mean", std::optional(band.mean));
    rows.add("low", band.low);
    rows.add("high", band.high);
    rows.add("n", report::TidyValue(static_cast<int64_t>(band.n)));
  }
}

constexpr size_t kMarksPerLine = 12;  // about so many along a line; more would be a smear

void draw_band(Chart& chart, size_t style, const std::vector<CurvePointBand>& curve) {
  std::vector<std::string> rows;
  for (const auto& [step, band] : curve) {
    if (band.low) rows.push_back(cat(step, ' ', number(*band.low), ' ', number(*band.high)));
  }
  if (rows.size() < 2) return;
  chart.draw(cat(chart.block(rows), " using 1:2:3 with filledcurves lc rgb '", colour(style), "' notitle"));
}

void draw_curve(Chart& chart, const std::string& variant, size_t style, const std::vector<CurvePointBand>& curve) {
  std::vector<std::string> rows;
  for (const auto& [step, band] : curve) rows.push_back(cat(step, ' ', number(band.mean)));
  chart.draw(cat(chart.block(rows), " using 1:2 with linespoints ", line_style(style), ' ', marker(style), " pi ",
                 (rows.size() + kMarksPerLine - 1) / kMarksPerLine, " title ", key_title(variant)));
}

std::vector<Figure> draw_curves(const PlotInput& input) {
  std::vector<Figure> figures;
  for (const CellTrials& cell : cells_of(input.data)) {
    for (const std::string metric : kCurveMetrics) {
      Figure figure;
      figure.title = on_cell(metric, cell);
      Chart chart(figure.title, "optimizer step", metric);
      const std::string reading =
          cat("mean over seeds, band: ", report::percent(1 - input.data.sweep.alpha), " CI (Student t)");
      add_subtitles(chart, reading, input);
      DataRows rows;
      chart.command("set autoscale xfix");
      std::vector<std::pair<std::string, std::vector<CurvePointBand>>> curves;
      for (const std::string& variant : drawn_variants(input.data)) {
        const auto trials = cell.trials.find(variant);
        if (trials == cell.trials.end()) continue;
        auto curve = curve_of(trials->second, metric, input);
        if (curve.empty()) continue;
        add_curve_rows(rows, variant, curve);
        draw_band(chart, style_of(variant, input.data), curve);
        curves.emplace_back(variant, std::move(curve));
      }
      // Lines over all bands.
      for (const auto& [variant, curve] : curves) draw_curve(chart, variant, style_of(variant, input.data), curve);
      if (rows.empty()) continue;
      figure.title += ": " + reading;
      figure.name = figure_name({"curves", metric, cell.name});
      figure.data = rows.take();
      figure.script = chart.script();
      figures.push_back(std::move(figure));
    }
  }
  return figures;
}

}  // namespace

const PlotKind kLearningCurves = {
    "curves", "validation accuracy and loss and training loss over steps, mean over seeds with confidence bands", true,
    "no trial has recorded val/accuracy, val/rmse, val/loss or train/loss", draw_curves};

}  // namespace autonorm::plot
