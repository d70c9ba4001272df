// Presets, and which cells an [[exclude]] drops.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/config/merge.h"
#include "core/config/sweep_expand.h"

namespace autonorm::config {
namespace {

const PresetRecipe* find_preset(const SweepDocument& document, const std::string& name) {
  for (const PresetRecipe& preset : document.presets) {
    const bool right_profile = preset.profile == "both" || preset.profile == document.settings.profile;
    if (right_profile && preset.recipe.name == name) return &preset;
  }
  return nullptr;
}

void report_unknown_preset(const SweepDocument& document, const Recipe& recipe, Diagnostics& diagnostics) {
  std::vector<std::string> names;
  for (const PresetRecipe& preset : document.presets) {
    if (preset.profile == "both" || preset.profile == document.settings.profile) names.push_back(preset.recipe.name);
  }
  if (document.presets.empty()) {
    return diagnostics.error(recipe.use_place,
                             cat("unknown preset ", quoted(*recipe.use),
                                 "; no preset is defined: add include = [\"presets/autonorm.toml\"]"));
  }
  diagnostics.error(recipe.use_place,
                    cat("unknown preset ", quoted(*recipe.use), " in profile '", document.settings.profile,
                        "'; allowed: ", join(names), did_you_mean(*recipe.use, names)));
}

bool equal(const Value& wanted, const nlohmann::json& found) { return to_json(wanted) == found; }

}  // namespace

MergedRecipe merge_recipe(const SweepDocument& document, const Value& base, const Recipe& recipe,
                          Diagnostics& diagnostics) {
  MergedRecipe merged{base, Value{Table{}, recipe.place}};
  merged.tree.place = recipe.place;
  if (recipe.use) {
    if (const PresetRecipe* preset = find_preset(document, *recipe.use)) {
      merge_trial(merged.tree, preset->recipe.keys);
      merge_trial(merged.own, preset->recipe.keys);
    } else {
      report_unknown_preset(document, recipe, diagnostics);
    }
  }
  merge_trial(merged.tree, recipe.keys);
  merge_trial(merged.own, recipe.keys);
  return merged;
}

bool matches(const Exclude& exclude, const std::string& variant, const Value& tree, uint64_t seed) {
  return std::ranges::all_of(exclude.conditions, [&](const Exclude::Condition& condition) {
    nlohmann::json found;
    if (condition.key == "variant") {
      found = variant;
    } else if (condition.key == "seed") {
      found = seed;
    } else if (const Value* written = tree.find_path(condition.key)) {
      found = to_json(*written);
    } else if (const Key* key = find_key(condition.key); key != nullptr && !key->fallback.empty()) {
      found = nlohmann::json::parse(key->fallback);
    }
    return std::ranges::any_of(condition.values, [&](const Value& value) { return equal(value, found); });
  });
}

}  // namespace autonorm::config
