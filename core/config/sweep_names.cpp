#include "core/config/sweep_names.h"

#include <algorithm>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

void check_excluded_names(const Exclude::Condition& condition, const std::vector<std::string>& names,
                          Diagnostics& diagnostics) {
  for (const Value& value : condition.values) {
    const std::string wanted = label_text(value);
    if (std::ranges::find(names, wanted) != names.end()) continue;
    diagnostics.error(value.place, cat("[[exclude]] names ", quoted(wanted),
                                       ", which is no variant; allowed: ", join(names), did_you_mean(wanted, names)));
  }
}

}  // namespace

std::vector<std::string> variant_names(const SweepDocument& document) {
  std::vector<std::string> names;
  for (const Recipe& variant : document.variants) names.push_back(variant.name);
  return names;
}

std::vector<std::string> axis_paths(const SweepDocument& document) {
  std::vector<std::string> paths;
  for (const Axis& axis : document.axes) paths.push_back(axis.path);
  return paths;
}

void check_names(const SweepDocument& document, Diagnostics& diagnostics) {
  const auto names = variant_names(document);
  const std::string& baseline = document.settings.baseline;
  if (!baseline.empty() && !document.variants.empty() && std::ranges::find(names, baseline) == names.end()) {
    diagnostics.error(
        document.settings.baseline_place,
        cat("baseline ", quoted(baseline), " is no variant; allowed: ", join(names), did_you_mean(baseline, names)));
  }
  for (const Exclude& exclude : document.excludes) {
    for (const Exclude::Condition& condition : exclude.conditions) {
      if (condition.key == "variant") check_excluded_names(condition, names, diagnostics);
    }
  }
}

void check_stage_axes(const SweepDocument& document, Diagnostics& diagnostics) {
  const auto paths = axis_paths(document);
  for (const StageRecipe& stage : document.stages) {
    for (const auto& [axis, place] : stage.axes) {
      if (std::ranges::find(paths, axis) == paths.end()) {
        diagnostics.error(place, cat("axes names ", quoted(axis), ", which is no key of [matrix]; allowed: ",
                                     join(paths), did_you_mean(axis, paths)));
      } else if (stage.recipe.keys.find_path(axis) != nullptr) {
        diagnostics.error(place, cat(axis, " is set by the stage and taken over by its axes; keep one"));
      }
    }
  }
}

}  // namespace autonorm::config
