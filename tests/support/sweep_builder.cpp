#include "tests/support/sweep_builder.h"

#include <map>

#include "core/base/sha256.h"

namespace autonorm::testing {
namespace {

config::PlannedTrial planned(const TrialSpec& spec) {
  config::PlannedTrial trial;
  trial.id = TrialId(
      sha256(cat("trial/", spec.variant, "/", spec.seed, "/", spec.ranks, "/", spec.device, "/", spec.stage)).value());
  trial.seed = spec.seed;
  config::TrialConfig common;
  common.ranks = spec.ranks;
  common.device = spec.device;
  common.run = {.priority = spec.priority,
                .timeout_s = spec.timeout_s,
                .stall_timeout_s = spec.stall_timeout_s,
                .max_attempts = spec.max_attempts};
  trial.common = std::make_shared<const config::TrialConfig>(common);
  return trial;
}

}  // namespace

Sha256 artifact_hash(const std::string& name) { return sha256("artifact/" + name); }

config::Sweep make_sweep(const std::string& name, const std::vector<TrialSpec>& specs) {
  config::Sweep sweep;
  sweep.name = name;
  sweep.question = "does it work?";
  sweep.baseline = specs.empty() ? "" : specs.front().variant;
  sweep.metric = "test/accuracy";
  sweep.profile = "faithful";
  std::string content = name;
  const auto labels = std::make_shared<const config::CellLabels>(config::CellLabels{{"data.name", "digits"}});
  std::map<std::pair<std::string, uint64_t>, TrialId> stages;
  std::map<TrialId, size_t> places;  // in sweep.trials, of those that a cell has
  for (const TrialSpec& spec : specs) {
    config::PlannedTrial trial = planned(spec);
    if (!spec.stage.empty()) {
      auto& stage = stages[{spec.stage, spec.seed}];
      if (stage.value().empty()) {
        config::PlannedTrial parent = planned({.variant = "stage-" + spec.stage, .seed = spec.seed});
        parent.is_stage = true;
        stage = parent.id;
        sweep.trials.push_back(std::move(parent));
      }
      trial.inputs.emplace_back(spec.stage, stage);
    }
    content += trial.id.value();
    if (std::find(sweep.variants.begin(), sweep.variants.end(), spec.variant) == sweep.variants.end()) {
      sweep.variants.push_back(spec.variant);
    }
    const auto [place, is_new] = places.try_emplace(trial.id, sweep.trials.size());
    sweep.cells.push_back({spec.variant, labels, spec.seed, place->second});
    if (is_new) sweep.trials.push_back(std::move(trial));
  }
  sweep.content = sha256(content);
  return sweep;
}

config::Sweep make_sweep(const std::string& name, int64_t count) {
  std::vector<TrialSpec> specs;
  for (int64_t seed = 0; seed < count; ++seed) specs.push_back({.seed = static_cast<uint64_t>(seed)});
  return make_sweep(name, specs);
}

engine::SubmitSweep submission(const config::Sweep& sweep, bool fresh, std::string idempotency_key) {
  engine::SubmitSweep event;
  event.sweep = std::make_shared<const config::Sweep>(sweep);
  event.source = {"sweep.toml", {{"sweep.toml", cat("# ", sweep.name)}}};
  const std::string json = R"({"model":{"family":"vit"}})";
  const auto config = std::make_shared<const engine::FrozenConfig>(engine::FrozenConfig{sha256(json), json});
  event.freeze = [config](size_t) { return config; };
  event.fresh = fresh;
  event.idempotency_key = std::move(idempotency_key);
  return event;
}

}  // namespace autonorm::testing
