#include "coordinator/engine/claims.h"

#include <algorithm>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/idempotency.h"
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

void cancel_next(Core& core, Cancellation& job, Now now) {
  const TrialKey key = job.trials[job.next++];
  const Trial& trial = core.at(key);
  if (!is_open(trial.state) || claimed(core, trial)) {
    update_queue(core, key);
    preempt_if_unwanted(core, key, now);  // what is left of its sweeps may be paused
    return;
  }
  cancel_trial(core, key, now);
  ++job.affected;
}

void answer(Core& core, const Cancellation& job) {
  for (const Cancellation::Caller& caller : job.callers) {
    ReplyRecord record{.key = caller.idempotency_key, .call = caller.call, .sweep = job.sweep};
    record.affected = job.affected;
    remember(core, std::move(record));
    core.batch.outbox.push_back(ActReply{.request = caller.request, .status = {}, .trials_affected = job.affected});
  }
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

void enter(Core& core, SweepEntry& entry, SweepAction action, Now now) {
  set_sweep_state(core, entry, target(action));
  journal_state(core, entry, now);
}

// Pause and resume.
int64_t carry_out(Core& core, SweepEntry& entry, SweepAction action, Now now) {
  if (changes_nothing(entry, action)) return 0;
  enter(core, entry, action, now);
  if (action == SweepAction::kPause) return pause_sweep(core, entry, now);
  tolerate_failures(core, entry);
  return open_trials(entry);
}

// Answers when the last slice is done.
void cancel(Core& core, SweepEntry& entry, const ActOnSweep& event, Now now) {
  const auto running = std::ranges::find(core.cancellations, event.sweep, &Cancellation::sweep);
  Cancellation& job = running == core.cancellations.end()
                          ? core.cancellations.emplace_back(Cancellation{.sweep = event.sweep})
                          : *running;
  if (!changes_nothing(entry, event.action)) {
    enter(core, entry, event.action, now);
    abandon_submission(core, event.sweep,
                       conflict("sweep ", event.sweep, " was cancelled while it was being submitted"));
    job.trials = trials_of(entry);  // all of them, also when it was submitted again since the first slice
    job.next = 0;
  }
  job.callers.push_back({event.request, event.idempotency_key, call_text(event)});
  continue_cancellation(core, now);
}

}  // namespace

Status no_such_sweep(const Core& core, SweepId sweep) {
  if (core.sweeps.empty()) return not_found("there is no sweep ", sweep, "; nothing was submitted yet");
  return not_found("there is no sweep ", sweep, "; the sweeps are numbered 1 to ", core.sweeps.rbegin()->first,
                   " (see: coordinator list)");
}

Status was_cancelled(const SweepEntry& entry) {
  const bool whole = entry.trials == entry.record.trials;  // else it was cancelled on its way in
  return conflict("sweep ", entry.record.id, " (", entry.record.name, ") was cancelled; to go on",
                  whole ? cat(" with all of it: coordinator retry ", entry.record.id, " --cancelled, or") : "",
                  " submit its file again");
}

void preempt_if_unwanted(Core& core, TrialKey key, Now now) {
  const Trial& trial = core.at(key);
  if (!trial.live || wanted(core, trial)) return;
  // Wanted by nobody at all: a restart cut a cancellation off, and its next slices end the trial.
  if (std::ranges::all_of(trial.sweeps,
                          [&](int64_t id) { return core.sweeps.at(id).record.state == SweepState::kCancelled; })) {
    return;
  }
  preempt(core, key, "its sweep was paused", now);
}

void on_act(Core& core, const ActOnSweep& event, Now now) {
  ActReply reply{.request = event.request, .status = {}, .trials_affected = 0};
  if (const KnownCall known = look_up(core, event.idempotency_key, call_text(event)); !known.is_new()) {
    reply = reply_of(known, event.request);
  } else if (const auto it = core.sweeps.find(event.sweep.value()); it == core.sweeps.end()) {
    reply.status = no_such_sweep(core, event.sweep);
  } else if (event.action == SweepAction::kCancel) {
    return cancel(core, it->second, event, now);
  } else {
    reply.status = check_action(it->second, event.action);
    if (reply.status.ok()) {
      reply.trials_affected = carry_out(core, it->second, event.action, now);
      ReplyRecord record{.key = event.idempotency_key, .call = call_text(event), .sweep = event.sweep};
      record.affected = reply.trials_affected;
      remember(core, std::move(record));
    }
  }
  core.batch.outbox.push_back(std::move(reply));
}

bool continue_cancellation(Core& core, Now now) {
  if (core.cancellations.empty()) return false;
  constexpr int64_t kCostOfALiveTrial = 8;  // rows and messages, in queued trials
  Cancellation& job = core.cancellations.front();
  for (int64_t left = core.options.limits.slice; left > 0 && job.next < job.trials.size();) {
    left -= core.at(job.trials[job.next]).live ? kCostOfALiveTrial : 1;
    cancel_next(core, job, now);
  }
  if (job.next == job.trials.size()) {
    answer(core, job);
    core.cancellations.pop_front();
  }
  return !core.cancellations.empty();
}

void resume_cancellations(Core& core) {
  for (const auto& [id, entry] : core.sweeps) {
    if (entry.record.state != SweepState::kCancelled || open_trials(entry) == 0) continue;
    core.cancellations.push_back({.sweep = SweepId(id), .trials = trials_of(entry)});
  }
}

}  // namespace autonorm::engine
