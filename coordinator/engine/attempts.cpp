#include "coordinator/engine/attempts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/quarantine.h"
#include "coordinator/engine/replaced_origin.h"
#include "coordinator/engine/retry_policy.h"
#include "coordinator/engine/transitions.h"
#include "core/base/sha256.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

Token make_token(Core& core) {
  const Sha256 hash = sha256(cat(core.options.secret, "/", core.options.epoch, "/", ++core.tokens_made));
  return Token(hash.value().substr(0, 32));
}

// Tags of gangs whose members may still use them are left out. Open MPI and MPICH both allow far more than this bound.
int32_t make_tag(const Core& core, AttemptRow row) {
  constexpr AttemptRow kTags = 30'000;  // the MPI standard promises tags up to 32,767
  std::set<int32_t> taken;
  for (const auto& [id, worker] : core.workers) {
    if (worker.occupant) taken.insert(worker.occupant->tag);
  }
  auto tag = static_cast<int32_t>(1 + row % kTags);
  while (taken.contains(tag)) tag = tag % kTags + 1;
  return tag;
}

Moment moment(const Core& core, Now now) { return {now.wall, now.steady, core.options.clock_era}; }

bool advanced(const Trial& trial) {
  if (!trial.resume) return false;
  return !trial.live->resume || trial.resume->step > trial.live->resume->step;
}

bool other_host_left(const Core& core, const Trial& trial) {
  return std::ranges::any_of(core.workers, [&](const auto& entry) { return may_serve(entry.second, trial); });
}

Misfortune& misfortune(Trial& trial) {
  if (!trial.misfortune) trial.misfortune = std::make_unique<Misfortune>();
  return *trial.misfortune;
}

// Slots stay taken until SlotFree, a new Hello without the attempt, or the end of the lease.
void end_members(Core& core, TrialKey key, const Ending* loss, Now now) {
  Trial& trial = core.at(key);
  for (const Member& member : trial.live->members) {
    Worker* worker = find_worker(core, member.worker);
    if (member.released || !worker || !worker->occupant || worker->occupant->key != attempt_key(trial)) continue;
    worker->occupant->ended = true;
    worker->occupant->kill_again = now.steady + core.options.limits.release_patience;
    if (loss) {
      core.send(*worker, fleet::Stop{attempt_key(trial), fleet::StopMode::kKill, loss->reason, loss->message});
    }
  }
}

// The policy says "again"; but nobody may want the trial any more, or a stage of it runs again.
TrialState where_it_goes_on(const Core& core, const Trial& trial) {
  if (!claimed(core, trial)) return TrialState::kCancelled;
  return stages_ready(core, trial) ? TrialState::kQueued : TrialState::kWaiting;
}

// A checkpoint may have come after the last heartbeat.
int64_t last_step(const Trial& trial) {
  return std::max(trial.live->progress.step, trial.resume ? trial.resume->step : 0);
}

void journal_end(Core& core, const Trial& trial, const Ending& ending, TrialState next, Now now) {
  const nlohmann::json fields = {{"trial", trial.id.value()},        {"attempt", trial.attempt.value()},
                                 {"reason", name(ending.reason)},    {"message", ending.message},
                                 {"worker", ending.culprit.value()}, {"next", name(next)}};
  journal(core, now, "attempt_ended", fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

fleet::Start make_start(const Core& core, TrialKey key, int rank) {
  const Trial& trial = core.at(key);
  fleet::Start start;
  start.key = attempt_key(trial);
  start.resume = trial.live->resume;
  for (const StageInput& input : trial.inputs) start.inputs[input.stage] = core.at(input.trial).model;
  start.gang.rank = rank;
  start.gang.tag = trial.live->tag;
  for (const Member& member : trial.live->members) {
    const WorkerRecord& record = core.workers.at(member.worker).record;
    start.gang.members.push_back({member.worker, record.mpi_rank, record.host});
  }
  start.start_timeout = core.options.limits.start_timeout;
  start.stall_timeout = std::chrono::seconds(trial.settings.stall_timeout_s);
  return start;
}

void start_attempt(Core& core, TrialKey key, const std::vector<WorkerId>& workers, Now now) {
  Trial& trial = core.at(key);
  auto live = std::make_unique<LiveAttempt>();
  live->row = ++core.last_attempt;
  live->tag = workers.size() > 1 ? make_tag(core, live->row) : 0;
  live->resume = trial.resume;
  live->trained = trial.trained;
  live->assigned = live->moved = now.steady;
  const Attempt number(trial.attempt.value() + 1);
  const Token token = make_token(core);
  AttemptRecord record{.row = live->row,
                       .trial = key,
                       .number = number,
                       .token = token,
                       .tag = live->tag,
                       .resume = live->resume,
                       .endpoint = {},
                       .members = {},
                       .assigned = now.wall,
                       .trained = trial.trained};
  for (size_t rank = 0; rank < workers.size(); ++rank) {
    Worker& worker = core.workers.at(workers[rank]);
    worker.occupant = Occupant{{trial.id, number, token}, key, live->tag, false, {}};
    live->members.push_back({.worker = workers[rank], .acked = {}});
    record.members.push_back({static_cast<int>(rank), workers[rank], worker.record.host, worker.record.device.name,
                              worker.record.incarnation});
  }
  trial.live = std::move(live);
  core.change(AttemptInserted{std::move(record)});
  move_trial(core, key, {.to = TrialState::kAssigned, .reason = trial.reason, .attempt = number, .token = token}, now);
  for (size_t rank = 0; rank < workers.size(); ++rank) {
    core.send(core.workers.at(workers[rank]), make_start(core, key, static_cast<int>(rank)));
  }
}

void begin_running(Core& core, TrialKey key, Now now) {
  Trial& trial = core.at(key);
  trial.live->running = trial.live->moved = now.steady;
  core.change(AttemptRunning{trial.live->row, trial.token, moment(core, now)});
  move_trial(core, key, {.to = TrialState::kRunning}, now);
}

void flush_members(Core& core, TrialKey key) {
  Trial& trial = core.at(key);
  for (Member& member : trial.live->members) {
    if (!std::exchange(member.dirty, false)) continue;
    core.change(MemberAdvanced{trial.live->row, rank_of(*trial.live, member), trial.token, member.acked, member.joined,
                               member.released});
  }
}

bool may_serve(const Worker& worker, const Trial& trial) {
  return !worker.lost && worker.record.quarantine.empty() && worker.record.drain == Drain::kNo &&
         (trial.device == "auto" || trial.device == worker.record.device.kind) &&
         !(trial.misfortune && trial.misfortune->no_data.contains(worker.record.host));
}

void blame(Trial& trial, EndReason reason, const WorkerId& culprit, const std::string& host, Now now) {
  if (reason == EndReason::kDataMissing) misfortune(trial).no_data.insert(host);
  if (reason == EndReason::kWorkerLost || prefers_elsewhere(reason))
    ++misfortune(trial).tried[cat("worker ", culprit, " on ", host)];
  if (!prefers_elsewhere(reason)) return;
  misfortune(trial).avoid.insert(culprit);
  misfortune(trial).failed = now.steady;
}

// Where data that nobody has was looked for, and what helps.
std::string hosts_tried(const Trial& trial) {
  const auto& hosts = trial.misfortune->no_data;
  return cat("; tried on ", join(std::vector<std::string>(hosts.begin(), hosts.end())),
             ", and no other host is left to try: put the data there, then: coordinator retry");
}

// What a trial is told that has used up the attempts that do not count; the worker where most were lost comes first.
std::string given_up(const Trial& trial) {
  constexpr size_t kNamed = 8;
  std::vector<std::pair<int64_t, std::string>> tried;
  if (trial.misfortune) {
    for (const auto& [worker, attempts] : trial.misfortune->tried) tried.emplace_back(-attempts, worker);
  }
  std::ranges::sort(tried);
  std::vector<std::string> words;
  for (const auto& [attempts, worker] : tried) {
    if (words.size() < kNamed) words.push_back(cat(-attempts, " on ", worker));
  }
  if (tried.size() > kNamed) words.push_back(cat("others on ", tried.size() - kNamed, " more workers"));
  return cat("; given up after ", kMaxUncountedAttempts + 1, " attempts that were lost or broke off after a checkpoint",
             words.empty() ? "" : cat(": ", join(words)), "; see what is wrong there, then: coordinator retry");
}

void end_attempt(Core& core, TrialKey key, Ending ending, Now now) {
  Trial& trial = core.at(key);
  const ReplacedOrigin replaced = replace_origin(core, key, ending);
  if (replaced) ending.culprit = {};
  if (const Worker* culprit = find_worker(core, ending.culprit))
    blame(trial, ending.reason, ending.culprit, culprit->record.host, now);
  const RetryAnswer answer = decide_retry({.reason = ending.reason,
                                           .advanced = advanced(trial),
                                           .other_origin = static_cast<bool>(replaced),
                                           .counted = trial.counted,
                                           .uncounted = trial.uncounted,
                                           .max_attempts = trial.settings.max_attempts,
                                           .other_host_left = other_host_left(core, trial)});
  if (ending.reason == EndReason::kDataMissing && answer.state == TrialState::kFailed && trial.misfortune &&
      !trial.misfortune->no_data.empty())
    ending.message += hosts_tried(trial);
  if (!answer.again && answer.uncounted > kMaxUncountedAttempts) ending.message += given_up(trial);
  const TrialState next = answer.state == TrialState::kQueued ? where_it_goes_on(core, trial) : answer.state;

  flush_members(core, key);
  core.change(AttemptEnded{.row = trial.live->row,
                           .token = trial.token,
                           .reason = ending.reason,
                           .message = ending.message,
                           .culprit = ending.culprit,
                           .signal = ending.signal,
                           .exit_code = ending.exit_code,
                           .step = last_step(trial),
                           .log_tail = ending.log_tail,
                           .memory = ending.memory,
                           .time = now.wall});
  journal_end(core, trial, ending, next, now);
  end_members(core, key, &ending, now);
  if (ending.reason == EndReason::kTrainerCrashed) note_crash(core, ending.culprit, key, ending.signal, now);

  trial.counted = answer.counted;
  trial.uncounted = answer.uncounted;
  trial.live.reset();
  move_trial(core, key, {.to = next, .end = ending.reason, .reason = std::move(ending.message)}, now);
  settle_waiting(core, key, now);
  if (replaced.stage != 0 && claimed(core, core.at(replaced.stage))) run_again(core, replaced.stage, true, now);
}

void finish_attempt(Core& core, TrialKey key, const fleet::Finished& finished, Now now) {
  // The leader's events can overtake another rank's ready{joined}, above all after an outage.
  if (core.at(key).state == TrialState::kAssigned) begin_running(core, key, now);
  Trial& trial = core.at(key);
  flush_members(core, key);
  core.change(ResultAdded{key, trial.live->row, trial.token, finished});
  core.change(AttemptEnded{.row = trial.live->row,
                           .token = trial.token,
                           .reason = finished.reason,
                           .step = trial.live->progress.step,
                           .time = now.wall});
  const auto model = finished.artifacts.find("model");
  trial.model = model == finished.artifacts.end() ? Sha256{} : model->second;
  end_members(core, key, nullptr, now);
  for (const Member& member : trial.live->members) {
    if (Worker* worker = find_worker(core, member.worker)) worker->crashes.clear();
  }
  core.finished_seconds += std::chrono::duration<double>(now.steady - trial.live->assigned).count();
  ++core.finished_attempts;
  trial.live.reset();
  trial.misfortune.reset();
  const bool diverged = finished.reason == EndReason::kDiverged;
  move_trial(core, key,
             {.to = diverged ? TrialState::kDiverged : TrialState::kSucceeded,
              .end = finished.reason,
              .reason = diverged ? "its loss became non-finite" : ""},
             now);
}

void preempt(Core& core, TrialKey key, const std::string& why, Now now) {
  Trial& trial = core.at(key);
  if (trial.state == TrialState::kAssigned) {  // nothing trained yet, nothing to keep
    end_attempt(core, key, {.reason = EndReason::kPreempted, .message = why}, now);
    return;
  }
  if (trial.live->kill_at) return;
  trial.live->stop_text = why;
  trial.live->kill_at = now.steady + core.options.limits.stop_patience;
  for (const Member& member : trial.live->members) {
    const Worker* worker = find_worker(core, member.worker);
    if (!worker || member.released) continue;
    core.send(*worker,
              fleet::Stop{attempt_key(trial), fleet::StopMode::kCheckpointThenStop, EndReason::kPreempted, why});
  }
}

void note_member(Core& core, TrialKey key, Member& member) {
  if (!std::exchange(member.dirty, true)) core.advanced.push_back(key);
}

void release_member(Core& core, TrialKey key, Member& member, Now now) {
  member.released = true;
  note_member(core, key, member);
  LiveAttempt& live = *core.at(key).live;
  // Its last events come first on the stream; should they be missing, the attempt must not hang for ever.
  if (rank_of(live, member) == 0) live.result_due = now.steady + core.options.limits.release_patience;
}

void release_slot(Core& core, Worker& worker) {
  if (!worker.occupant) return;
  worker.occupant.reset();
  note_free(core, worker);
}

}  // namespace autonorm::engine
