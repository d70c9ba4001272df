#include "coordinator/engine/claims.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/submission.h"
#include "coordinator/engine/sweep_states.h"
#include "coordinator/engine/transitions.h"
#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

constexpr std::string_view kCancelledText = "no sweep wants it any more";

// Distinct, newest first: a trial comes before its stages, so that none fails for a stage that is cancelled with it.
std::vector<TrialKey> trials_of(const SweepEntry& entry) {
  std::vector<TrialKey> keys;
  for (const Claim& claim : entry.claims) keys.push_back(claim.trial);
  std::ranges::sort(keys, std::greater<>());
  const auto repeated = std::ranges::unique(keys);
  keys.erase(repeated.begin(), repeated.end());
  return keys;
}

void cancel_trial(Core& core, TrialKey key, Now now) {
  if (core.at(key).live) {
    end_attempt(core, key, {.reason = EndReason::kCancelled, .message = std::string(kCancelledText)}, now);
    return;
  }
  move_trial(core, key,
             {.to = TrialState::kCancelled, .end = EndReason::kCancelled, .reason = std::string(kCancelledText)}, now);
}

int64_t open_trials(const SweepEntry& entry) {
  int64_t open = 0;
  for (size_t i = 0; i < entry.counts.size(); ++i) {
    if (is_open(static_cast<TrialState>(i))) open += entry.counts[i];
  }
  return open;
}

int64_t cancel_sweep(Core& core, SweepEntry& entry, Now now) {
  abandon_submission(core, entry.record.id,
                     conflict("sweep ", entry.record.id, " was cancelled while it was being submitted"));
  int64_t affected = 0;
  for (const TrialKey key : trials_of(entry)) {
    const Trial& trial = core.at(key);
    if (!is_open(trial.state) || claimed(core, trial)) {
      update_queue(core, key);
      preempt_if_unwanted(core, key, now);  // what is left of its sweeps may be paused
      continue;
    }
    cancel_trial(core, key, now);
    ++affected;
  }
  return affected;
}

int64_t pause_sweep(Core& core, const SweepEntry& entry, Now now) {
  int64_t affected = 0;
  for (const TrialKey key : trials_of(entry)) {
    const Trial& trial = core.at(key);
    if (!is_open(trial.state) || wanted(core, trial)) continue;
    preempt_if_unwanted(core, key, now);
    ++affected;
  }
  return affected;
}

Status check_action(const SweepEntry& entry, SweepAction action) {
  return entry.record.state == SweepState::kCancelled && action != SweepAction::kCancel ? was_cancelled(entry)
                                                                                        : Status();
}

bool changes_nothing(const SweepEntry& entry, SweepAction action) {
  switch (action) {
    case SweepAction::kCancel:  // what is done stays done
      return entry.record.state == SweepState::kCancelled ||
             (entry.record.state != SweepState::kSubmitting && open_trials(entry) == 0);
    case SweepAction::kPause:
      return entry.record.state == SweepState::kPaused || open_trials(entry) == 0;
    case SweepAction::kResume:
      return entry.record.state != SweepState::kPaused && entry.record.state != SweepState::kHalted;
  }
  return true;
}

SweepState target(SweepAction action) {
  switch (action) {
    case SweepAction::kCancel:
      return SweepState::kCancelled;
    case SweepAction::kPause:
      return SweepState::kPaused;
    case SweepAction::kResume:
      return SweepState::kRunning;
  }
  return SweepState::kRunning;
}

int64_t carry_out(Core& core, SweepEntry& entry, SweepAction action, Now now) {
  if (changes_nothing(entry, action)) return 0;
  set_sweep_state(core, entry, target(action));
  const nlohmann::json fields = {{"sweep", entry.record.id.value()}, {"state", name(entry.record.state)}};
  journal(core, now, "sweep_state", fields.dump());
  switch (action) {
    case SweepAction::kCancel:
      return cancel_sweep(core, entry, now);
    case SweepAction::kPause:
      return pause_sweep(core, entry, now);
    case SweepAction::kResume:
      tolerate_failures(core, entry);
      return open_trials(entry);
  }
  return 0;
}

}  // namespace

Status no_such_sweep(const Core& core, SweepId sweep) {
  if (core.sweeps.empty()) return not_found("there is no sweep ", sweep, "; nothing was submitted yet");
  return not_found("there is no sweep ", sweep, "; the sweeps are numbered 1 to ", core.sweeps.rbegin()->first,
                   " (see: coordinator list)");
}

Status was_cancelled(const SweepEntry& entry) {
  return conflict("sweep ", entry.record.id, " (", entry.record.name,
                  ") was cancelled; submit its file again to go on");
}

void preempt_if_unwanted(Core& core, TrialKey key, Now now) {
  const Trial& trial = core.at(key);
  if (!trial.live || wanted(core, trial)) return;
  preempt(core, key, "its sweep was paused", now);
}

void on_act(Core& core, const ActOnSweep& event, Now now) {
  ActReply reply{.request = event.request, .status = {}, .trials_affected = 0};
  if (const ReplyRecord* known = remembered(core, event.idempotency_key)) {
    reply.trials_affected = known->affected;
  } else if (const auto it = core.sweeps.find(event.sweep.value()); it == core.sweeps.end()) {
    reply.status = no_such_sweep(core, event.sweep);
  } else {
    reply.status = check_action(it->second, event.action);
    if (reply.status.ok()) {
      reply.trials_affected = carry_out(core, it->second, event.action, now);
      ReplyRecord record{.key = event.idempotency_key, .sweep = event.sweep};
      record.affected = reply.trials_affected;
      remember(core, std::move(record));
    }
  }
  core.batch.outbox.push_back(std::move(reply));
}

}  // namespace autonorm::engine
