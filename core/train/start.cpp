#include "core/train/start.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint.h"
#include "core/config/start_misfit.h"
#include "core/train/facts.h"
#include "core/train/teacher.h"

namespace autonorm::train {
namespace {

using Shapes = std::map<std::string, std::vector<int64_t>>;

// Of the tensors under "PLACE." that a checkpoint would have.
Shapes shapes_under(const std::string& place, const checkpoint::NamedTensors& tensors) {
  Shapes shapes;
  for (const auto& [name, tensor] : tensors) {
    for (const char* group : {"model.", "buffer."}) {
      if (name.starts_with(group + place)) shapes[name] = tensor.sizes().vec();
    }
  }
  return shapes;
}

// The places, with a dot at the end, whose norms are of another kind than in the stage, or have other tensors.
std::vector<std::string> replaced_places(const config::TrialConfig& before, const checkpoint::NamedTensors& tensors,
                                         const config::TrialConfig& now, const models::Model& model) {
  const checkpoint::NamedTensors wanted = model_tensors(model.table());
  std::vector<std::string> places;
  for (const auto& [name, site] : model.norm_places()) {
    const std::string place = name + ".";
    const bool other_kind = before.norm_at(site).kind != now.norm_at(site).kind;
    if (other_kind || shapes_under(place, tensors) != shapes_under(place, wanted)) places.push_back(place);
  }
  return places;
}

std::set<std::string> warm_up_counters(const norms::ParameterTable& table) {
  std::set<std::string> names;
  for (const norms::Buffer& buffer : table.buffers()) {
    if (buffer.warm_up) names.insert(buffer.name);
  }
  return names;
}

// But for the head and what is fresh, nothing learns.
void freeze_taken_over(norms::ParameterTable& table, const std::vector<std::string>& fresh) {
  for (norms::Parameter& parameter : table.parameters()) {
    const auto inside = [&](const std::string& place) { return parameter.name.starts_with(place); };
    if (inside("head.") || std::ranges::any_of(fresh, inside)) continue;
    parameter.trainable = false;
    parameter.value.set_requires_grad(false);
  }
}

}  // namespace

Status load_start(const std::filesystem::path& folder, const config::TrialConfig& config, models::Model& model) {
  const std::string context = "start from " + folder.string();
  const auto checkpoint = checkpoint::load(folder);
  if (!checkpoint.ok()) return checkpoint.status().with_context(context);
  const auto before = config::parse_trial(checkpoint->config);
  if (!before.ok()) return before.status().with_context(context);
  if (const auto misfit = config::start_misfit(*before, config)) return invalid(misfit->text).with_context(context);
  std::vector<std::string> fresh = replaced_places(*before, checkpoint->tensors, config, model);
  if (config::takes_encoder(*before, config)) fresh.emplace_back("head.");
  const bool keep = config.train.start && config.train.start->keep_counters;
  const std::set<std::string> anew = keep ? std::set<std::string>() : warm_up_counters(model.table());
  const auto wanted = [&](const std::string& name) {
    return !anew.contains(name) &&
           std::ranges::none_of(fresh, [&](const std::string& place) { return name.starts_with(place); });
  };
  if (config.train.start && config.train.start->head_only) freeze_taken_over(model.table(), fresh);
  return load_parameters(checkpoint->tensors, model.table(), wanted).with_context(context);
}

}  // namespace autonorm::train
