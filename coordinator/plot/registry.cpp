#include "coordinator/plot/registry.h"

#include <algorithm>
#include <array>

#include "coordinator/plot/kinds.h"
#include "core/base/text.h"

namespace autonorm::plot {
namespace {

constexpr std::array kKinds = {&kForest, &kLearningCurves, &kTradeOffLatency, &kTradeOffMacs, &kNormValues, &kTimeline};

}  // namespace

std::span<const PlotKind* const> kinds() { return kKinds; }

Result<std::vector<const PlotKind*>> kinds_named(const std::vector<std::string>& names) {
  std::vector<std::string> known;
  for (const PlotKind* kind : kKinds) known.emplace_back(kind->name);
  for (const std::string& name : names) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const std::string near = nearest(name, known);
    return invalid("there is no plot '", name, "'", near.empty() ? "" : cat("; did you mean '", near, "'?"),
                   "; there are ", join(known));
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

Result<std::vector<Figure>> draw(const std::vector<const PlotKind*>& kinds, const PlotInput& input) {
  std::vector<Figure> figures;
  std::vector<std::string> names;
  for (const PlotKind* kind : kinds) {
    names.emplace_back(kind->name);
    for (Figure& figure : kind->draw(input)) figures.push_back(std::move(figure));
    if (figures.size() > kMostFigures) return too_many_figures();
  }
  if (figures.empty()) {
    return invalid("sweep ", input.data.sweep.id, " has nothing to draw yet for: ", join(names),
                   "; `coordinator status` says how far it is");
  }
  return figures;
}

}  // namespace autonorm::plot
