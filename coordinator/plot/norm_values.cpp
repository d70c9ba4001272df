// What the norms learned: gate weights, alpha and other scalars of each site over training, mean over seeds. One
// picture per variant and cell, one panel per quantity.
#include <algorithm>
#include <cmath>
#include <set>

#include "coordinator/plot/chart.h"
#include "coordinator/plot/kinds.h"
#include "coordinator/plot/series.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

constexpr size_t kPanels = 6;

// What a reported name is about, e.g. "gate_mean_layer" is of quantity "gate", line "layer"; "scale.alpha_mean" is
// alpha of the branch "scale". Empty: not drawn (deviations, counters, biases).
struct Meaning {
  std::string quantity, line;
};

bool take_prefix(std::string& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.erase(0, prefix.size());
  return true;
}

Meaning meaning_of(const std::string& name) {
  std::string rest = name, branch;
  if (const size_t dot = rest.rfind('.'); dot != std::string::npos) {
    branch = rest.substr(0, dot);
    rest.erase(0, dot + 1);
  }
  static const std::set<std::string> kSkipped = {"bias", "iters", "skips", "clamped", "grad_norm", "gate_entropy"};
  if (rest.ends_with("_std")) return {};
  if (take_prefix(rest, "gate_mean_")) return {"gate weight", rest};
  for (const std::string share : {"mean_share", "var_share"}) {
    if (take_prefix(rest, share + "_")) return {share, rest};
  }
  if (rest.ends_with("_mean")) rest.erase(rest.size() - 5);
  if (kSkipped.contains(rest)) return {};
  return {rest, branch};
}

// Gates first, then what is learned as one number, then means over channels.
int rank_of(const std::string& quantity) {
  if (quantity == "gate weight") return 0;
  if (quantity.find("share") != std::string::npos) return 1;
  if (quantity == "alpha") return 2;
  return quantity == "weight" || quantity.starts_with("running") ? 4 : 3;
}

// "blocks.2.pre_ffn" before "blocks.10.pre_attn": numbers count as such.
std::vector<std::string> natural_key(const std::string& site) {
  std::vector<std::string> parts;
  std::string part;
  for (const char c : site + ".") {
    if (c != '.') {
      part += c;
      continue;
    }
    const bool is_number = !part.empty() && std::ranges::all_of(part, [](char d) { return d >= '0' && d <= '9'; });
    parts.push_back(is_number && part.size() < 9 ? std::string(9 - part.size(), '0') + part : part);
    part.clear();
  }
  return parts;
}

// The order of the network: embedding, blocks, end.
int place_of(const std::string& site) {
  return site.starts_with("embed") ? 0 : site.starts_with("final") ? 2 : site.starts_with("head") ? 3 : 1;
}

struct LineKey {
  std::string site, line;
  bool operator<(const LineKey& other) const {
    return std::tuple(place_of(site), natural_key(site), line) <
           std::tuple(place_of(other.site), natural_key(other.site), other.line);
  }
};
using StepValues = std::map<int64_t, std::vector<double>>;  // of the seeds
using Panel = std::map<LineKey, StepValues>;

std::map<std::pair<int, std::string>, Panel> panels_of(const std::vector<const report::TrialRow*>& trials,
                                                       const PlotInput& input) {
  std::map<std::pair<int, std::string>, Panel> panels;
  for (const report::TrialRow* trial : trials) {
    const auto history = input.histories.find(trial->trial);
    if (history == input.histories.end()) continue;
    for (const report::NormCurve& curve : history->second.norms) {
      const Meaning meaning = meaning_of(curve.name);
      if (meaning.quantity.empty()) continue;
      StepValues& values = panels[{rank_of(meaning.quantity), meaning.quantity}][{curve.site, meaning.line}];
      for (const report::CurvePoint& point : curve.points) {
        if (std::isfinite(point.value)) values[point.step].push_back(point.value);
      }
    }
  }
  return panels;
}

// Panels below each other share their edges, however long the names beside them are. gnuplot puts the name of an axis
// beside the widest tick, out of the picture where the margin is given: it stands at the edge instead.
void align(Chart& chart, const std::string& y_label) {
  chart.command(
      "set lmargin screen 0.17; set rmargin screen 0.61; set key at screen 0.62, graph 1 left top font ',11'");
  chart.command(cat("set label 99 ", quoted(y_label), " at screen 0.02, graph 0.5 center rotate by 90 noenhanced"));
  chart.command("set autoscale xfix");
}

constexpr size_t kDistinctLines = 7;  // beyond, colours follow the depth
constexpr size_t kNamedLines = 24;    // of more, each second one (third, …) has a name: depth tells the others
constexpr size_t kMarginHeight = 120, kLineHeight = 20, kLeastHeight = 300;  // of a panel, CSS pixels

size_t lines_per_name(size_t lines) { return (lines + kNamedLines - 1) / kNamedLines; }

// Room for the names in one column, and for what the panel says above itself.
int panel_height(const Panel& panel, size_t heading_lines) {
  const size_t names = (panel.size() - 1) / lines_per_name(panel.size()) + 1;
  return static_cast<int>(std::max(kLeastHeight, kMarginHeight + kLineHeight * (names + heading_lines)));
}

void draw_panel(Chart& chart, DataRows& rows, const std::string& quantity, const Panel& panel, double alpha) {
  size_t index = 0;
  for (const auto& [key, steps] : panel) {
    std::vector<std::string> points;
    for (const auto& [step, values] : steps) {
      const Band band = band_of(values, alpha);
      points.push_back(cat(step, ' ', number(band.mean)));
      rows.begin();
      rows.add("quantity", quantity);
      rows.add("site", key.site);
      rows.add("line", key.line);
      rows.add("step", report::TidyValue(step));
      rows.add("mean", std::optional(band.mean));
      rows.add("low", band.low);
      rows.add("high", band.high);
      rows.add("n", report::TidyValue(static_cast<int64_t>(band.n)));
    }
    const std::string style =
        panel.size() > kDistinctLines ? ordered_line_style(index, panel.size()) : line_style(index);
    const std::string name = key_title(key.line.empty() ? key.site : key.site + ": " + key.line);
    chart.draw(cat(chart.block(points), " using 1:2 with lines ", style,
                   index % lines_per_name(panel.size()) == 0 ? " title " + name : " notitle"));
    ++index;
  }
}

std::optional<Figure> norm_picture(const CellTrials& cell, const std::string& variant, const PlotInput& input) {
  auto panels = panels_of(cell.trials.at(variant), input);
  if (panels.empty()) return std::nullopt;
  while (panels.size() > kPanels) panels.erase(std::prev(panels.end()));
  Figure figure;
  figure.height = 0;
  figure.name = figure_name({"norms", variant, cell.name});
  figure.title = on_cell(cat("what the norms of ", variant, " learned"), cell) + ": means over seeds";
  DataRows rows;
  std::optional<Chart> chart;
  for (const auto& [key, panel] : panels) {
    const std::string title = on_cell(cat(variant, ": ", key.second), cell);
    const bool chart_is_new = !chart;
    if (chart) {
      chart->next_panel(title, "optimizer step", "");
    } else {
      chart.emplace(title, "optimizer step", "");
    }
    align(*chart, key.second);
    if (chart_is_new) add_subtitles(*chart, "mean over seeds", input);
    draw_panel(*chart, rows, key.second, panel, input.data.sweep.alpha);
  }
  for (const auto& [key, panel] : panels)
    figure.height = std::max(figure.height, panel_height(panel, chart->heading_lines()));
  figure.height *= static_cast<int>(panels.size());
  figure.data = rows.take();
  figure.script = chart->script();
  return figure;
}

std::vector<Figure> draw_norms(const PlotInput& input) {
  std::vector<Figure> figures;
  for (const CellTrials& cell : cells_of(input.data)) {
    for (const std::string& variant : drawn_variants(input.data)) {
      if (!cell.trials.contains(variant)) continue;
      if (auto figure = norm_picture(cell, variant, input)) figures.push_back(*std::move(figure));
    }
  }
  return figures;
}

}  // namespace

const PlotKind kNormValues = {
    "norms", "gate weights, alpha and other learned scalars of each site over training, mean over seeds", true,
    "no trial has recorded values of its norms that are drawn: gates, shares, alpha, learned scalars, means of weights",
    draw_norms};

}  // namespace autonorm::plot
