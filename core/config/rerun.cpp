#include "core/config/rerun.h"

#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "core/base/sha256.h"
#include "core/base/text.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

constexpr const char* kFile = "<rerun>";
constexpr std::string_view kNameMark = " (again, ";

Result<Rerun> parse(const std::string& text) {
  const json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool well_formed = value.is_object() && value.contains("round") && value["round"].is_number_integer() &&
                           value.contains("trials") && value["trials"].is_array();
  if (!well_formed) return invalid("the list of trials to train again is damaged");
  Rerun rerun;
  rerun.round = value["round"].get<int64_t>();
  for (const json& id : value["trials"]) {
    if (!id.is_string()) return invalid("the list of trials to train again is damaged");
    rerun.trials.emplace_back(id.get<std::string>());
  }
  if (rerun.round < 1 || rerun.trials.empty()) return invalid("a rerun needs a round from 1 on and at least one trial");
  return rerun;
}

// Keeps the trials that `cells` need, with their stages, in order; returns old index → new one.
std::unordered_map<size_t, size_t> keep_needed(Sweep& sweep, int64_t round) {
  std::set<TrialId> wanted;
  std::set<size_t> cells_trials;
  for (const Cell& cell : sweep.cells) cells_trials.insert(cell.trial);
  for (const size_t index : cells_trials) {
    for (const auto& [stage, parent] : sweep.trials[index].inputs) wanted.insert(parent);
  }
  std::unordered_map<size_t, size_t> places;
  std::vector<PlannedTrial> kept;
  for (size_t i = 0; i < sweep.trials.size(); ++i) {
    const PlannedTrial& trial = sweep.trials[i];
    if (wanted.contains(trial.id)) {
      kept.push_back(trial);
      kept.back().is_stage = true;
    }
    if (!cells_trials.contains(i)) continue;
    kept.push_back(trial);
    kept.back().id = rerun_id(trial.id, round);
    kept.back().is_stage = false;
    places[i] = kept.size() - 1;
  }
  sweep.trials = std::move(kept);
  return places;
}

}  // namespace

TrialId rerun_id(const TrialId& trial, int64_t round) {
  return TrialId(sha256(cat("rerun\n", round, '\n', trial)).value());
}

bool is_rerun_name(std::string_view name) {
  const size_t mark = name.rfind(kNameMark);
  if (mark == std::string_view::npos || !name.ends_with(')')) return false;
  const std::string_view round = name.substr(mark + kNameMark.size(), name.size() - mark - kNameMark.size() - 1);
  return !round.empty() && round.find_first_not_of("0123456789") == std::string_view::npos;
}

SweepSource with_rerun(SweepSource source, const Rerun& rerun) {
  json trials = json::array();
  for (const TrialId& trial : rerun.trials) trials.push_back(trial.value());
  source.files[kFile] = json{{"round", rerun.round}, {"trials", trials}}.dump();
  return source;
}

Status apply_rerun(const SweepSource& source, Sweep& sweep) {
  const auto file = source.files.find(kFile);
  if (file == source.files.end()) return {};
  const auto rerun = parse(file->second);
  if (!rerun.ok()) return rerun.status();
  std::set<TrialId> missing(rerun->trials.begin(), rerun->trials.end());
  const std::set<TrialId> asked = missing;
  std::erase_if(sweep.cells, [&](const Cell& cell) {
    const TrialId& id = sweep.trials[cell.trial].id;
    missing.erase(id);
    return !asked.contains(id);
  });
  if (!missing.empty()) return invalid("trial ", short_form(*missing.begin()), " is none of this sweep's");
  const auto places = keep_needed(sweep, rerun->round);
  for (Cell& cell : sweep.cells) cell.trial = places.at(cell.trial);
  sweep.name = cat(sweep.name, kNameMark, rerun->round, ")");
  sweep.content = sha256(cat(sweep.content, '\n', file->second));
  return {};
}

}  // namespace autonorm::config
