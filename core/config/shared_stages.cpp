#include "core/config/shared_stages.h"

#include <algorithm>

#include "core/base/text.h"
#include "core/config/sweep_document.h"
#include "core/config/sweep_files.h"

namespace autonorm::config {
namespace {

bool waits_for(const Value& keys, const std::string& stage) {
  return std::ranges::any_of(std::vector<const char*>{"train.distill.from", "train.start.from"}, [&](const char* path) {
    const Value* from = keys.find_path(path);
    return from != nullptr && from->text() != nullptr && *from->text() == stage;
  });
}

bool something_waits_for(const SweepDocument& document, const std::string& stage) {
  if (waits_for(document.base, stage)) return true;
  const auto waits = [&](const Recipe& recipe) { return waits_for(recipe.keys, stage); };
  return std::ranges::any_of(document.variants, waits) ||
         std::ranges::any_of(document.presets, waits, &PresetRecipe::recipe) ||
         std::ranges::any_of(document.axes, [&](const Axis& axis) {
           return axis.path.ends_with(".from") && std::ranges::any_of(axis.values, [&](const Value& value) {
                    return value.text() != nullptr && *value.text() == stage;
                  });
         });
}

}  // namespace

std::vector<std::string> shared_stages_of(const SweepSource& source) {
  Diagnostics diagnostics;  // of a file that was accepted
  const FileProvider provider = [&](const std::string& name) -> Result<std::string> {
    const auto found = source.files.find(name);
    if (found == source.files.end()) return not_found("the file ", name, " is not stored");
    return found->second;
  };
  const auto files = read_sweep_files(source.root, provider, diagnostics);
  SweepDocument document;
  for (size_t i = 0; i < files.size(); ++i) read_document(files[i].root, i == 0, document, diagnostics);
  std::vector<std::string> stages;
  for (const StageRecipe& stage : document.stages) {
    if (stage.shared_seed && something_waits_for(document, stage.recipe.name)) stages.push_back(stage.recipe.name);
  }
  return stages;
}

std::string shared_stages_text(const std::vector<std::string>& stages) {
  if (stages.empty()) return "";
  return cat(stages.size() == 1 ? "stage " : "stages ", join(stages), stages.size() == 1 ? " is" : " are",
             " trained once for all seeds (seed = \"shared\"): differences hold for ",
             stages.size() == 1 ? "that run" : "those runs", " only");
}

}  // namespace autonorm::config
