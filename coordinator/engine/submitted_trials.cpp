#include "coordinator/engine/submitted_trials.h"

#include <algorithm>
#include <span>

#include "coordinator/engine/transitions.h"
#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

TrialSettings settings_of(const config::PlannedTrial& planned) {
  const config::RunConfig& run = planned.common->run;
  return {run.priority, run.max_attempts, run.timeout_s, run.stall_timeout_s};
}

TrialRecord trial_record(const Core& core, TrialKey key, const config::PlannedTrial& planned) {
  TrialRecord record{.key = key,
                     .id = planned.id,
                     .seed = planned.seed,
                     .ranks = planned.common->ranks,
                     .device = planned.common->device,
                     .settings = settings_of(planned),
                     .inputs = {},
                     .state = TrialState::kQueued,
                     .end = {},
                     .reason = {},
                     .counted = 0,
                     .uncounted = 0,
                     .resume = {},
                     .model = {}};
  for (const auto& [stage, parent] : planned.inputs) record.inputs.push_back({stage, find_trial(core, parent)});
  return record;
}

TrialKey insert_trial(Core& core, const config::PlannedTrial& planned, std::shared_ptr<const FrozenConfig> config) {
  const auto key = static_cast<TrialKey>(core.trials.size());
  TrialRecord record = trial_record(core, key, planned);
  Trial trial;
  trial.id = record.id;
  trial.seed = record.seed;
  trial.ranks = static_cast<int32_t>(record.ranks);
  trial.device = record.device;
  trial.settings = record.settings;
  trial.inputs = record.inputs;
  if (!stages_ready(core, trial)) trial.state = record.state = TrialState::kWaiting;
  for (const StageInput& input : trial.inputs) core.at(input.trial).children.push_back(key);
  add_trial(core, std::move(trial));
  core.change(TrialInserted{std::move(record), std::move(config)});
  return key;
}

// A stage whose model somebody in this sweep still has to read.
bool model_needed(const Core& core, const Submission& job, const TrialId& stage) {
  const auto it = job.children.find(stage);
  if (it == job.children.end()) return false;
  return std::ranges::any_of(it->second, [&](uint32_t child) {
    const TrialKey key = find_trial(core, job.content->trials[child].id);
    if (key == 0 || job.fresh) return true;
    const TrialState state = core.at(key).state;
    return is_open(state) || state == TrialState::kFailed || state == TrialState::kCancelled;
  });
}

void revise(Core& core, TrialKey key, const config::PlannedTrial& planned, std::shared_ptr<const FrozenConfig> config) {
  core.at(key).settings = settings_of(planned);
  core.change(TrialRevised{key, core.at(key).settings, std::move(config)});
}

// An open trial runs for all of its sweeps: each limit is the most generous that one of them asks for. 0: no timeout.
void allow_more(Core& core, TrialKey key, const config::PlannedTrial& planned, const Submission& job, size_t index) {
  const TrialSettings asked = settings_of(planned);
  TrialSettings more = core.at(key).settings;
  more.max_attempts = std::max(more.max_attempts, asked.max_attempts);
  more.timeout_s = more.timeout_s == 0 || asked.timeout_s == 0 ? 0 : std::max(more.timeout_s, asked.timeout_s);
  more.stall_timeout_s = std::max(more.stall_timeout_s, asked.stall_timeout_s);
  if (more == core.at(key).settings) return;
  core.at(key).settings = more;
  core.change(TrialRevised{key, more, job.freeze(index)});
}

// A trial that an earlier sweep brought in, or this one before a restart: its result is used, or it runs again.
void reuse_trial(Core& core, Submission& job, TrialKey key, size_t index, bool fresh, Now now) {
  const Trial& trial = core.at(key);
  const config::PlannedTrial& planned = job.content->trials[index];
  if (is_open(trial.state)) return allow_more(core, key, planned, job, index);
  const bool failed = trial.state == TrialState::kFailed || trial.state == TrialState::kCancelled;
  const bool model_gone = trial.state == TrialState::kSucceeded && model_needed(core, job, trial.id) &&
                          !core.artifacts.contains(trial.model);
  if (!failed && !fresh && !model_gone) {
    ++job.reply.cached;
    return;
  }
  revise(core, key, planned, job.freeze(index));
  run_again(core, key, !failed || fresh, now);
  ++job.reply.revived;
}

bool claims(SweepId sweep, const Trial& trial) {
  return std::ranges::find(trial.sweeps, sweep.value()) != trial.sweeps.end();
}

void add_claim(Core& core, SweepEntry& entry, ClaimRecord record) {
  if (!claim_position(entry, record.position)) return;
  auto word = std::ranges::find(entry.words, record.variant);
  if (word == entry.words.end()) word = entry.words.insert(entry.words.end(), record.variant);
  entry.claims.push_back({record.trial, record.position, static_cast<uint32_t>(word - entry.words.begin()),
                          record.is_stage, record.seed, record.labels});
  Trial& trial = core.at(record.trial);
  if (!claims(record.sweep, trial)) {
    trial.sweeps.push_back(record.sweep.value());
    ++entry.trials;
    count_trial(core, entry, record.trial, 1);
    refresh_turns(core, entry);
  }
  core.change(ClaimInserted{std::move(record)});
}

// The cells that a trial gives a value to, as indices into content->cells.
std::span<const uint32_t> cells_of(const Submission& job, size_t trial) {
  const auto range =
      std::ranges::equal_range(job.cells, trial, {}, [&](uint32_t cell) { return job.content->cells[cell].trial; });
  return {range.begin(), range.end()};
}

// A stage carries the labels of the first cell that needs it.
std::shared_ptr<const Labels> stage_labels(const Submission& job, const TrialId& stage) {
  static const auto kNone = std::make_shared<const Labels>();
  const auto children = job.children.find(stage);
  if (children == job.children.end()) return kNone;
  const auto cells = cells_of(job, children->second.front());
  return cells.empty() ? kNone : job.content->cells[cells.front()].labels;
}

void claim_trial(Core& core, const Submission& job, TrialKey key, size_t index) {
  SweepEntry& entry = core.sweeps.at(job.sweep.value());
  const config::PlannedTrial& planned = job.content->trials[index];
  const auto cells = cells_of(job, index);
  for (const uint32_t position : cells) {
    const config::Cell& cell = job.content->cells[position];
    add_claim(core, entry,
              {.sweep = job.sweep,
               .position = position,
               .trial = key,
               .variant = cell.variant,
               .labels = cell.labels,
               .seed = cell.seed,
               .is_stage = false});
  }
  if (!cells.empty()) return;
  const auto stage = job.stage_names.find(planned.id);
  add_claim(core, entry,
            {.sweep = job.sweep,
             .position = static_cast<int64_t>(job.content->cells.size() + index),
             .trial = key,
             .variant = stage == job.stage_names.end() ? "stage" : stage->second,
             .labels = stage_labels(job, planned.id),
             .seed = planned.seed,
             .is_stage = true});
}

}  // namespace

bool claim_position(SweepEntry& entry, int64_t position) {
  const auto at = static_cast<size_t>(position);
  if (at >= entry.positions.size()) entry.positions.resize(std::max(at + 1, 2 * entry.positions.size()));
  if (entry.positions[at]) return false;
  entry.positions[at] = true;
  return true;
}

void submit_trial(Core& core, Submission& job, size_t index, Now now) {
  const config::PlannedTrial& planned = job.content->trials[index];
  const TrialKey known = find_trial(core, planned.id);
  const bool is_new = known == 0;
  const TrialKey key = is_new ? insert_trial(core, planned, job.freeze(index)) : known;
  // The part of this submission before the restart has had its say about the trial: what it has become since counts.
  const bool had_its_turn = job.was_cut && claims(job.sweep, core.at(key));
  claim_trial(core, job, key, index);
  if (is_new) {
    ++job.reply.new_trials;
    settle_waiting(core, key, now);
  } else if (!had_its_turn || !job.resumes) {
    reuse_trial(core, job, key, index, job.fresh && !had_its_turn, now);
  }
  update_queue(core, key);
}

}  // namespace autonorm::engine
