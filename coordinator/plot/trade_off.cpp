// What a variant costs against what it gains: the primary metric over the time of inference, or over
// multiply-accumulates.
#include <algorithm>
#include <cmath>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/kinds.h"
#include "coordinator/plot/series.h"
#include "coordinator/report/numbers.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

std::optional<Band> metric_band(const std::vector<const report::TrialRow*>& trials, const std::string& metric,
                                double alpha) {
  std::vector<double> values;
  for (const report::TrialRow* trial : trials) {
    if (const auto value = report::value_of(*trial, metric)) values.push_back(*value);
  }
  return values.empty() ? std::nullopt : std::optional(band_of(values, alpha));
}

struct TradePoint {
  std::string variant;
  Band cost, gain;
};

void add_trade_row(DataRows& rows, const TradePoint& point, const std::string& cost, const std::string& gain) {
  rows.begin();
  rows.add("variant", point.variant);
  rows.add(cost, std::optional(point.cost.mean));
  rows.add(cost + "_low", point.cost.low);
  rows.add(cost + "_high", point.cost.high);
  rows.add(gain, std::optional(point.gain.mean));
  rows.add(gain + "_low", point.gain.low);
  rows.add(gain + "_high", point.gain.high);
  rows.add("n", report::TidyValue(static_cast<int64_t>(point.gain.n)));
}

std::string bounds(const Band& band) {
  return cat(number(band.low.value_or(band.mean)), ' ', number(band.high.value_or(band.mean)));
}

// The smallest and largest of what is drawn, bars included.
struct Range {
  double low = HUGE_VAL, high = -HUGE_VAL, least_positive = HUGE_VAL;
  void take(const Band& band) {
    low = std::min(low, band.low.value_or(band.mean));
    high = std::max(high, band.high.value_or(band.mean));
    if (band.mean > 0) least_positive = std::min(least_positive, band.mean);
  }
};

std::string linear_range(const Range& range) {
  const double room =
      range.high > range.low ? 0.06 * (range.high - range.low) : 0.06 * std::max(1e-12, std::abs(range.high));
  return cat("[", number(range.low - room), ":", number(range.high + room), "]");
}

// An interval that reaches 0 goes to the edge.
std::string log_range(const Range& range) {
  return cat("[", number(std::max(range.low, range.least_positive / 4) / 1.4), ":", number(range.high * 1.4), "]");
}

constexpr double kWorthALogarithm = 20;
constexpr double kWorthAPrefix = 1e4;  // 1.2M instead of 1.2e+06

struct Cost {
  const char* metric;
  const char* words;  // as the axis and the title say it
  const char* unit;
};
constexpr Cost kInference{"model/latency_ms", "time of inference", ", ms per image"};
constexpr Cost kTrainingStep{"train/step_ms", "time of a training step", ", ms"};
constexpr Cost kMacs{"model/macs", "multiply-accumulates per image", ""};

// Every variant of the cell that has a result has this cost.
bool has_cost(const CellTrials& cell, const Cost& cost, const report::ReportData& data) {
  return std::ranges::all_of(cell.trials, [&](const auto& variant) {
    return !metric_band(variant.second, data.sweep.metric, data.sweep.alpha) ||
           metric_band(variant.second, cost.metric, data.sweep.alpha);
  });
}

// A point per variant that has a result and a cost.
struct Points {
  DataRows rows;
  Range costs, gains;
};

Points draw_points(Chart& chart, const PlotInput& input, const CellTrials& cell, const Cost& cost) {
  const std::string& gain = input.data.sweep.metric;
  Points points;
  for (const std::string& variant : drawn_variants(input.data)) {
    const auto trials = cell.trials.find(variant);
    if (trials == cell.trials.end()) continue;
    const auto x = metric_band(trials->second, cost.metric, input.data.sweep.alpha);
    const auto y = metric_band(trials->second, gain, input.data.sweep.alpha);
    if (!x || !y) continue;
    add_trade_row(points.rows, {variant, *x, *y}, cost.metric, gain);
    points.costs.take(*x);
    points.gains.take(*y);
    const std::string block =
        chart.block({cat(number(x->mean), ' ', number(y->mean), ' ', bounds(*x), ' ', bounds(*y))});
    chart.draw(cat(block, " using 1:2:3:4:5:6 with xyerrorbars ", point_style(style_of(variant, input.data)),
                   " lw 1.6 title ", key_title(variant)));
  }
  return points;
}

void set_axes(Chart& chart, const Points& points) {
  const Range& costs = points.costs;
  const bool wide = costs.high > kWorthALogarithm * costs.least_positive;
  chart.command("set grid x y");
  if (wide) chart.command("set logscale x");
  if (costs.high >= kWorthAPrefix) chart.command(cat("set format x '%.", wide ? 0 : 3, "s%c'"));
  chart.command("set xrange " + (wide ? log_range(costs) : linear_range(costs)));
  chart.command("set yrange " + linear_range(points.gains));
}

// `instead`: the cost that is drawn where a variant has not recorded the wanted one.
std::vector<Figure> draw_trade_off(const PlotInput& input, const Cost& wanted, const Cost* instead, const char* kind) {
  const std::string& gain = input.data.sweep.metric;
  std::vector<Figure> figures;
  for (const CellTrials& cell : cells_of(input.data)) {
    const bool replaced = instead != nullptr && !has_cost(cell, wanted, input.data);
    const Cost& cost = replaced ? *instead : wanted;
    if (gain == cost.metric) continue;
    Chart chart(on_cell(gain, cell), cat(cost.words, cost.unit), gain);
    Points points = draw_points(chart, input, cell, cost);
    if (points.rows.empty()) continue;
    set_axes(chart, points);
    const std::string reading =
        cat("means over seeds, bars: ", report::percent(1 - input.data.sweep.alpha), " CI (Student t)");
    add_subtitles(chart, reading, input);
    Figure figure;
    if (replaced) {
      figure.note = cat("shows the ", cost.words, " instead of the ", wanted.words, ": not every variant has recorded ",
                        wanted.metric, ", trials of older releases lack it");
    }
    figure.name = figure_name({kind, cell.name});
    figure.title = cat(on_cell(cat(gain, " against ", cost.words), cell), ": ", reading);
    figure.data = points.rows.take();
    figure.script = chart.script();
    figures.push_back(std::move(figure));
  }
  return figures;
}

std::vector<Figure> draw_latency(const PlotInput& input) {
  return draw_trade_off(input, kInference, &kTrainingStep, "latency");
}
std::vector<Figure> draw_macs(const PlotInput& input) { return draw_trade_off(input, kMacs, nullptr, "macs"); }

}  // namespace

const PlotKind kTradeOffLatency = {"latency", "primary metric against the time of inference", false,
                                   "no trial has recorded the metric and model/latency_ms or train/step_ms",
                                   draw_latency};
const PlotKind kTradeOffMacs = {"macs", "primary metric against multiply-accumulates per image", false,
                                "no trial has recorded the metric and model/macs", draw_macs};

}  // namespace autonorm::plot
