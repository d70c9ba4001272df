#include "coordinator/engine/transitions.h"

#include <algorithm>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/sweep_states.h"
#include "coordinator/engine/trial_edges.h"
#include "coordinator/engine/waiting_line.h"
#include "core/messages/failure_pattern.h"

namespace autonorm::engine {
namespace {

bool any_sweep(const Core& core, const Trial& trial, auto&& accepts) {
  return std::ranges::any_of(trial.sweeps, [&](int64_t id) { return accepts(core.sweeps.at(id).record.state); });
}

void settle_children(Core& core, TrialKey key, Now now) {
  const std::vector<TrialKey> children = core.at(key).children;
  for (const TrialKey child : children) settle_waiting(core, child, now);
}

const StageInput* unsuccessful_stage(const Core& core, const Trial& trial) {
  const auto it = std::ranges::find_if(trial.inputs, [&](const StageInput& input) {
    const TrialState state = core.at(input.trial).state;
    return !is_open(state) && state != TrialState::kSucceeded;
  });
  return it == trial.inputs.end() ? nullptr : &*it;
}

const StageInput* stage_without_model(const Core& core, const Trial& trial) {
  const auto it = std::ranges::find_if(trial.inputs, [&](const StageInput& input) {
    const Trial& stage = core.at(input.trial);
    return stage.state == TrialState::kSucceeded && stage.model.value().empty();
  });
  return it == trial.inputs.end() ? nullptr : &*it;
}

// A stage runs again: what was about to start from its old model waits for the new one. What runs already goes on.
void hold_children(Core& core, TrialKey key, Now now) {
  const std::vector<TrialKey> children = core.at(key).children;
  for (const TrialKey child : children) {
    if (core.at(child).state == TrialState::kQueued) {
      move_trial(core, child, {.to = TrialState::kWaiting}, now);
    } else if (core.at(child).state == TrialState::kAssigned) {
      end_attempt(core, child, {.reason = EndReason::kPreempted, .message = "its stage runs again"}, now);
    }
  }
}

// A stage has ended well, but its model is still on the way.
void await_models(Core& core, TrialKey key) {
  for (const StageInput& input : core.at(key).inputs) {
    const Trial& stage = core.at(input.trial);
    if (stage.state == TrialState::kSucceeded && !core.artifacts.contains(stage.model)) {
      core.awaited_models[stage.model].insert(key);
    }
  }
}

}  // namespace

bool holds_slots(TrialState state) { return state == TrialState::kAssigned || state == TrialState::kRunning; }

void count_trial(const Core& core, SweepEntry& entry, TrialKey key, int64_t sign) {
  const Trial& trial = core.at(key);
  entry.counts[static_cast<size_t>(trial.state)] += sign;
  if (holds_slots(trial.state)) entry.slots_in_use += sign * trial.ranks;
  if (trial.state != TrialState::kFailed) return;
  const FailureKind kind{trial.end.value_or(EndReason::kCancelled), failure_pattern(trial.reason)};
  if (sign > 0) {
    entry.failures[kind].insert(key);
    return;
  }
  const auto group = entry.failures.find(kind);
  group->second.erase(key);
  if (group->second.empty()) entry.failures.erase(group);
}

bool wanted(const Core& core, const Trial& trial) {
  return any_sweep(core, trial, [](SweepState s) { return s != SweepState::kPaused && s != SweepState::kCancelled; });
}

bool claimed(const Core& core, const Trial& trial) {
  return any_sweep(core, trial, [](SweepState s) { return s != SweepState::kCancelled; });
}

void move_trial(Core& core, TrialKey key, Move move, Now now) {
  Trial& trial = core.at(key);
  AUTONORM_CHECK(allowed(trial.state, move.to), "trial ", short_form(trial.id), " cannot go from ", name(trial.state),
                 " to ", name(move.to));
  TrialMoved row{.trial = key,
                 .from = trial.state,
                 .attempt = trial.attempt,
                 .token = trial.token,
                 .to = move.to,
                 .new_attempt = move.attempt.value_or(trial.attempt),
                 .new_token = move.token.value_or(trial.token),
                 .end = move.end,
                 .reason = move.reason,
                 .counted = trial.counted,
                 .uncounted = trial.uncounted,
                 .anew = move.anew};
  for (const int64_t sweep : trial.sweeps) count_trial(core, core.sweeps.at(sweep), key, -1);
  const bool was_failed = trial.state == TrialState::kFailed;
  trial.state = move.to;
  trial.attempt = row.new_attempt;
  trial.token = row.new_token;
  trial.end = move.end;
  trial.reason = std::move(move.reason);
  core.change(std::move(row));
  if (trial.state == TrialState::kAssigned) ++core.turns_taken;
  for (const int64_t sweep : trial.sweeps) {
    SweepEntry& entry = core.sweeps.at(sweep);
    count_trial(core, entry, key, 1);
    if (trial.state == TrialState::kAssigned) entry.served = core.turns_taken;
    if (was_failed) forget_tolerated(core, entry);
    refresh_turns(core, entry);
  }
  update_queue(core, key);
  if (holds_slots(trial.state)) {
    core.live.insert(key);
  } else {
    core.live.erase(key);
  }
  if (trial.state == TrialState::kFailed) {
    for (const int64_t sweep : trial.sweeps) note_failure(core, core.sweeps.at(sweep), now);
  }
  if (!is_open(trial.state)) settle_children(core, key, now);
}

bool stages_ready(const Core& core, const Trial& trial) {
  return std::ranges::all_of(trial.inputs, [&](const StageInput& input) {
    const Trial& stage = core.at(input.trial);
    return stage.state == TrialState::kSucceeded && core.artifacts.contains(stage.model);
  });
}

void settle_waiting(Core& core, TrialKey key, Now now) {
  const Trial& trial = core.at(key);
  if (trial.state != TrialState::kWaiting) return;
  if (const StageInput* input = unsuccessful_stage(core, trial)) {
    const Trial& stage = core.at(input->trial);
    move_trial(core, key,
               {.to = TrialState::kFailed,
                .end = EndReason::kParent,
                .reason = cat("its stage ", input->stage, " (trial ", short_form(stage.id), ") ",
                              stage.state == TrialState::kFailed ? "failed" : cat("is ", name(stage.state)),
                              stage.reason.empty() ? "" : cat(": ", stage.reason))},
               now);
  } else if (const StageInput* empty = stage_without_model(core, trial)) {
    move_trial(core, key,
               {.to = TrialState::kFailed,
                .end = EndReason::kParent,
                .reason = cat("its stage ", empty->stage, " (trial ", short_form(core.at(empty->trial).id),
                              ") left no model")},
               now);
  } else if (stages_ready(core, trial)) {
    move_trial(core, key, {.to = TrialState::kQueued}, now);
  } else {
    await_models(core, key);
  }
}

void settle_waiting_for_model(Core& core, const Sha256& model, Now now) {
  const auto it = core.awaited_models.find(model);
  if (it == core.awaited_models.end()) return;
  const std::set<TrialKey> waiting = std::move(it->second);
  core.awaited_models.erase(it);
  for (const TrialKey key : waiting) settle_waiting(core, key, now);
}

void run_again(Core& core, TrialKey key, bool forget, Now now) {
  Trial& trial = core.at(key);
  trial.counted = trial.uncounted = 0;
  trial.trained = {};  // its timeout begins anew
  trial.misfortune.reset();
  if (forget) {
    trial.resume.reset();
    trial.model = {};
    core.change(ResultDropped{key});
  }
  const TrialState to = stages_ready(core, trial) ? TrialState::kQueued : TrialState::kWaiting;
  move_trial(core, key, {.to = to, .anew = true}, now);
  hold_children(core, key, now);
  settle_waiting(core, key, now);
}

}  // namespace autonorm::engine
