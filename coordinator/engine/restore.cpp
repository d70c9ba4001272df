// Rows of the store → the same state that an engine without a restart would have, but for what lives in memory only:
// leases start at full length, workers count as away until they come back.
#include <algorithm>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/claims.h"
#include "coordinator/engine/core_state.h"
#include "coordinator/engine/draining.h"
#include "coordinator/engine/retry.h"
#include "coordinator/engine/transitions.h"
#include "coordinator/engine/trial_edges.h"
#include "coordinator/engine/waiting_line.h"
#include "core/base/log.h"

namespace autonorm::engine {
namespace {

void restore_trials(Core& core, std::vector<TrialRecord>&& records) {
  for (TrialRecord& record : records) {
    AUTONORM_CHECK(record.key == static_cast<TrialKey>(core.trials.size()),
                   "trial rows are numbered from 1 without gaps");
    Trial trial;
    trial.id = std::move(record.id);
    trial.seed = record.seed;
    trial.ranks = static_cast<int32_t>(record.ranks);
    trial.device = record.device;
    trial.settings = record.settings;
    trial.state = record.state;
    trial.attempt = record.attempt;
    trial.token = std::move(record.token);
    trial.end = record.end;
    trial.reason = std::move(record.reason);
    trial.counted = record.counted;
    trial.uncounted = record.uncounted;
    trial.resume = std::move(record.resume);
    trial.trained = record.trained;
    if (trial.resume && may_train_again(trial.state) && !core.artifacts.contains(trial.resume->manifest)) {
      log_warning("trial ", short_form(trial.id), ": its checkpoint of step ", trial.resume->step,
                  " is not in artifacts/ any more; its next attempt begins anew");
      trial.resume.reset();
      trial.trained = {};
    }
    trial.model = std::move(record.model);
    trial.inputs = std::move(record.inputs);
    for (const StageInput& input : trial.inputs) core.at(input.trial).children.push_back(record.key);
    add_trial(core, std::move(trial));
  }
}

void restore_sweeps(Core& core, Snapshot& snapshot) {
  for (SweepRecord& record : snapshot.sweeps) {
    SweepEntry& entry = core.sweeps[record.id.value()];
    core.sweep_keys[record.key] = record.id.value();
    entry.record = std::move(record);
  }
  for (ClaimRecord& record : snapshot.claims) {
    SweepEntry& entry = core.sweeps.at(record.sweep.value());
    auto word = std::ranges::find(entry.words, record.variant);
    if (word == entry.words.end()) word = entry.words.insert(entry.words.end(), record.variant);
    entry.claims.push_back({record.trial, record.position, static_cast<uint32_t>(word - entry.words.begin()),
                            record.is_stage, record.seed, std::move(record.labels)});
    Trial& trial = core.at(record.trial);
    if (std::ranges::find(trial.sweeps, record.sweep.value()) != trial.sweeps.end()) continue;
    trial.sweeps.push_back(record.sweep.value());
    ++entry.trials;
    count_trial(core, entry, record.trial, 1);
  }
}

// A submission that was cut short: its sweep may have been paused or halted meanwhile.
void find_interrupted(Core& core) {
  for (auto& [id, entry] : core.sweeps) {
    const bool incomplete = entry.trials < entry.record.trials && entry.record.state != SweepState::kCancelled;
    entry.interrupted = incomplete || entry.record.state == SweepState::kSubmitting;
  }
}

void restore_workers(Core& core, std::vector<WorkerRecord>&& records, Now now) {
  for (WorkerRecord& record : records) {
    Worker worker;
    worker.lost = true;  // until an open attempt or a Hello says otherwise
    worker.why_lost = "not seen since the coordinator started";
    worker.lease_until = now.steady;
    worker.record = std::move(record);
    const WorkerId id = worker.record.id;
    core.workers.emplace(id, std::move(worker));
  }
}

// On the steady clock of this process. Where that cannot be compared with the one of then, the wall clocks tell how
// long ago it was; a moment in the future counts as now.
SteadyTime steady_time(const Core& core, const Moment& then, Now now) {
  if (then.era != 0 && then.era == core.options.clock_era) return std::min(then.steady, now.steady);
  return now.steady - std::max(now.wall - then.wall, WallTime::duration::zero());
}

void restore_attempt(Core& core, AttemptRecord&& record, Now now) {
  Trial& trial = core.at(record.trial);
  auto live = std::make_unique<LiveAttempt>();
  live->row = record.row;
  live->tag = record.tag;
  live->resume = record.resume;
  live->endpoint = record.endpoint;
  live->trained = record.trained;
  live->assigned = live->moved = now.steady;
  live->running = record.running ? steady_time(core, *record.running, now) : now.steady;
  live->log_lines = record.log_lines;
  for (const MemberRecord& member : record.members) {
    live->members.push_back(
        {.worker = member.worker, .acked = member.acked, .joined = member.joined, .released = member.released});
    if (member.released) continue;
    Worker& worker = core.workers.at(member.worker);
    worker.lost = false;
    worker.lease_until = now.steady + core.options.limits.lease;
    worker.occupant = Occupant{{trial.id, record.number, record.token}, record.trial, record.tag, false, {}};
  }
  if (live->members.front().released) live->result_due = now.steady + core.options.limits.release_patience;
  trial.live = std::move(live);
  core.live.insert(record.trial);
}

void restore_blames(Core& core, const std::vector<BlameRecord>& records, Now now) {
  for (const BlameRecord& record : records)
    blame(core.at(record.trial), record.reason, record.worker, record.host, now);
}

// By the age that the wall clock gives them; one from the future counts as new.
void restore_crashes(Core& core, const std::vector<CrashRecord>& records, Now now) {
  for (const CrashRecord& record : records) {
    Worker* worker = find_worker(core, record.worker);
    const auto age = std::max(now.wall - record.time, WallTime::duration::zero());
    if (!worker || age > core.options.limits.quarantine_window) continue;
    worker->crashes.push_back({record.trial, record.signal, now.steady - age});
  }
}

void restore_queue(Core& core, Now now) {
  for (TrialKey key = 1; key < static_cast<TrialKey>(core.trials.size()); ++key) {
    if (!is_open(core.at(key).state)) continue;
    update_queue(core, key);
    // An upload ends before its event is sent, so a model that is not here now is gone: its stage runs again.
    const std::vector<StageInput> inputs = core.at(key).inputs;
    for (const StageInput& input : inputs) {
      const Trial& stage = core.at(input.trial);
      const bool gone = stage.state == TrialState::kSucceeded && !core.artifacts.contains(stage.model);
      if (gone && !stage.model.value().empty()) run_again(core, input.trial, true, now);
    }
    settle_waiting(core, key, now);
  }
}

}  // namespace

void Engine::restore(Snapshot snapshot, Now now) {
  Core& core = *core_;
  core.last_attempt = snapshot.last_attempt;
  core.artifacts.insert(snapshot.artifacts.begin(), snapshot.artifacts.end());
  restore_trials(core, std::move(snapshot.trials));
  restore_sweeps(core, snapshot);
  find_interrupted(core);
  restore_workers(core, std::move(snapshot.workers), now);
  std::ranges::sort(snapshot.open_attempts, {}, &AttemptRecord::row);
  for (AttemptRecord& record : snapshot.open_attempts) restore_attempt(core, std::move(record), now);
  for (ReplyRecord& reply : snapshot.replies) {
    core.reply_order.push_back(reply.key);
    core.replies.emplace(reply.key, std::move(reply));
  }
  restore_blames(core, snapshot.blames, now);
  restore_crashes(core, snapshot.crashes, now);
  restore_queue(core, now);
  const std::vector<TrialKey> live(core.live.begin(), core.live.end());
  for (const TrialKey key : live) {
    preempt_if_unwanted(core, key, now);
    preempt_if_drained(core, key, now);
  }
  resume_cancellations(core);
  resume_retries(core, std::move(snapshot.retries));
}

std::vector<Interrupted> Engine::interrupted() const {
  std::vector<Interrupted> found;
  for (const auto& [id, entry] : core_->sweeps) {
    if (entry.interrupted) found.push_back({entry.record.id, entry.record.fresh});
  }
  return found;
}

}  // namespace autonorm::engine
