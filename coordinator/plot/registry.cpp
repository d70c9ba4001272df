#include "coordinator/plot/registry.h"

#include <algorithm>
#include <array>

#include "coordinator/plot/kinds.h"
#include "coordinator/report/registration.h"
#include "core/base/distinct_names.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

constexpr int kSubtitleHeight = 18;  // CSS pixels
constexpr std::array kKinds = {&kForest, &kLearningCurves, &kTradeOffLatency, &kTradeOffMacs, &kNormValues, &kTimeline};

std::vector<std::string> standing_of(const report::Comparison& comparison, const report::Registration& registration) {
  std::vector<std::string> standing;
  if (comparison.interim())
    standing.push_back(cat("interim: ", comparison.finished, " of ", comparison.trials, " trials finished"));
  if (!registration.registered) standing.push_back(registration.text);
  return standing;
}

void add_standing(report::TidyTable& table, const report::Registration& registration, bool interim) {
  table.columns.insert(table.columns.end(), {"registration", "interim"});
  for (auto& row : table.rows) {
    row.emplace_back(std::string(registration.word()));
    row.emplace_back(interim);
  }
}

// Two variants, "a/b" and "a_b", may come out as one file name.
void make_names_distinct(std::vector<Figure>& figures) {
  std::vector<std::string> names;
  for (const Figure& figure : figures) names.push_back(figure.name);
  const auto distinct = distinct_names(names);
  for (size_t i = 0; i < figures.size(); ++i) figures[i].name = distinct[i];
}

}  // namespace

std::span<const PlotKind* const> kinds() { return kKinds; }

Result<std::vector<const PlotKind*>> kinds_named(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const PlotKind* kind : kKinds) known.emplace_back(kind->name);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest(name, known);
    return invalid("there is no plot '", name, "'; there are ", join(known),
                   near.empty() ? "" : cat("; did you mean '", near, "'?"));
  }
  std::vector<const PlotKind*> chosen;
  for (const PlotKind* kind : kKinds) {
    if (names.empty() || std::ranges::find(names, kind->name) != names.end()) chosen.push_back(kind);
  }
  return chosen;
}

Status too_many_figures() {
  return invalid("more than ", kMostFigures,
                 " pictures; choose cells and variants with --data, --where and --variant, or one kind with --kind");
}

std::vector<std::string> undrawn(const std::vector<const PlotKind*>& kinds, const std::vector<Figure>& figures) {
  std::vector<std::string> lines;
  for (const PlotKind* kind : kinds) {
    if (std::ranges::find(figures, kind->name, &Figure::kind) != figures.end()) continue;
    lines.push_back(cat("no picture of kind ", kind->name, ": ", kind->needs));
  }
  return lines;
}

Result<std::vector<Figure>> draw(const std::vector<const PlotKind*>& kinds, const PlotInput& input) {
  PlotInput told = input;
  const report::Registration registration = report::registration_of(input.data);
  told.standing = standing_of(input.comparison, registration);
  std::vector<Figure> figures;
  for (const PlotKind* kind : kinds) {
    for (Figure& figure : kind->draw(told)) {
      figure.kind = kind->name;
      add_standing(figure.data, registration, input.comparison.interim());
      for (const std::string& line : told.standing) {
        figure.title += "; " + line;
        figure.height += kSubtitleHeight;
      }
      figures.push_back(std::move(figure));
    }
    if (figures.size() > kMostFigures) return too_many_figures();
  }
  if (figures.empty()) {
    std::vector<std::string> names;
    for (const PlotKind* kind : kinds) names.emplace_back(kind->name);
    return invalid("sweep ", input.data.sweep.id, " has nothing to draw yet for: ", join(names), "; ",
                   join(undrawn(kinds, figures), "; "), "; `coordinator status` says how far it is");
  }
  make_names_distinct(figures);
  return figures;
}

}  // namespace autonorm::plot
