#include "coordinator/engine/fleet_sessions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/transitions.h"

namespace autonorm::engine {
namespace {

constexpr std::string_view kStaleText = "this attempt is no longer the trial's current one";

void refuse(Core& core, SessionId session, std::string reason) {
  core.send(session, fleet::Refused{std::move(reason)});
  core.batch.outbox.push_back(CloseSession{session});
}

void close_session(Core& core, Worker& worker) {
  if (!worker.session) return;
  core.sessions.erase(*worker.session);
  core.batch.outbox.push_back(CloseSession{*worker.session});
  worker.session.reset();
  count_capacity(core, worker);
}

WorkerRecord record_of(const fleet::Hello& hello, Now now) {
  return {.id = hello.worker,
          .incarnation = hello.incarnation,
          .host = hello.host,
          .mpi_world = hello.mpi_world,
          .mpi_rank = hello.mpi_rank,
          .mpi_size = hello.mpi_size,
          .pid = hello.pid,
          .device = hello.device,
          .build = hello.build,
          .torch = hello.torch,
          .recovery = hello.recovery,
          .quarantine = {},
          .seen = now.wall};
}

Worker& admit(Core& core, const WorkerHello& event, Now now) {
  const auto [it, is_new] = core.workers.try_emplace(event.hello.worker);
  Worker& worker = it->second;
  const bool restarted = event.hello.incarnation > worker.record.incarnation;
  const std::string quarantine = restarted ? "" : worker.record.quarantine;
  const Drain drain = worker.record.drain;
  if (restarted) worker.crashes.clear();
  close_session(core, worker);
  worker.record = record_of(event.hello, now);
  worker.record.quarantine = quarantine;
  worker.record.drain = drain;
  worker.address = event.hello.address;
  worker.session = event.session;
  worker.lost = false;
  worker.lease_until = now.steady + core.options.limits.lease;
  core.sessions[event.session] = event.hello.worker;
  core.change(WorkerSeen{worker.record});
  note_free(core, worker);
  count_capacity(core, worker);
  return worker;
}

// The trial's current attempt, when `key` names it.
TrialKey current_trial(const Core& core, const fleet::AttemptKey& key) {
  const TrialKey found = find_trial(core, key.trial);
  return found != 0 && core.at(found).live && attempt_key(core.at(found)) == key ? found : 0;
}

// Its slot was given back, it said, and yet the trainer is there: what it says last counts.
void hold_again(Core& core, TrialKey key, Member& member) {
  LiveAttempt& live = *core.at(key).live;
  member.released = false;
  note_member(core, key, member);
  if (rank_of(live, member) == 0) live.result_due.reset();
}

struct Sorted {
  fleet::Welcome welcome;
  std::set<TrialKey> kept;
  std::vector<TrialKey> dead;  // current, but its trainer is gone without a result
};

// What goes on, what is dropped, and what the slot is busy with.
Sorted sort_attempts(Core& core, Worker& worker, const fleet::Hello& hello, Now now) {
  Sorted sorted;
  std::optional<Occupant> occupant;
  for (const fleet::KnownAttempt& known : hello.attempts) {
    const TrialKey key = current_trial(core, known.key);
    Member* member = key ? find_member(*core.at(key).live, worker.record.id) : nullptr;
    if (member && member->released && known.trainer_alive) hold_again(core, key, *member);
    if (member && (known.terminal || known.trainer_alive)) {
      sorted.kept.insert(key);
      sorted.welcome.keep.push_back(known.key);
      sorted.welcome.acked.emplace_back(known.key, member->acked);
    } else {
      sorted.welcome.kill.push_back(known.key);
      if (member) sorted.dead.push_back(key);
      if (!member && known.terminal) {
        const nlohmann::json fields = {{"trial", known.key.trial.value()},
                                       {"attempt", known.key.attempt.value()},
                                       {"worker", worker.record.id.value()}};
        journal(core, now, "late_result_refused", fields.dump());
      }
    }
    if (known.trainer_alive) {
      occupant = Occupant{known.key, member ? key : 0, member ? core.at(key).live->tag : 0, !member,
                          now.steady + core.options.limits.release_patience};
    }
  }
  worker.occupant = std::move(occupant);
  return sorted;
}

// Whether the worker never heard of an attempt that it was given: nothing of it was ever acknowledged.
bool start_was_lost(const Trial& trial, const Member& member) {
  return trial.state == TrialState::kAssigned && member.acked == Seq(0) && !member.joined;
}

void send_start_again(Core& core, Worker& worker, TrialKey key, int rank) {
  const Trial& trial = core.at(key);
  worker.occupant = Occupant{attempt_key(trial), key, trial.live->tag, false, {}};
  core.send(worker, make_start(core, key, rank));
  if (rank != 0 && !trial.live->endpoint.empty())
    core.send(worker, fleet::Rendezvous{attempt_key(trial), trial.live->endpoint});
}

// What was decided while the worker was away.
void catch_up(Core& core, Worker& worker, TrialKey key, Now now) {
  const Trial& trial = core.at(key);
  Member& member = *find_member(*trial.live, worker.record.id);
  const bool busy = worker.occupant && worker.occupant->key == attempt_key(trial);
  if (!busy && !member.released) release_member(core, key, member, now);
  const bool leads = rank_of(*trial.live, member) == 0;
  if (busy && !leads && !member.joined && !trial.live->endpoint.empty()) {
    core.send(worker, fleet::Rendezvous{attempt_key(trial), trial.live->endpoint});
  }
  if (busy && trial.live->kill_at) {
    core.send(worker, fleet::Stop{attempt_key(trial), fleet::StopMode::kCheckpointThenStop, EndReason::kPreempted,
                                  trial.live->stop_text});
  }
}

void reconcile(Core& core, Worker& worker, const Sorted& sorted, Now now) {
  const WorkerId id = worker.record.id;
  const std::vector<TrialKey> live(core.live.begin(), core.live.end());
  for (const TrialKey key : live) {
    Trial& trial = core.at(key);
    Member* member = trial.live ? find_member(*trial.live, id) : nullptr;
    if (!member || member->released) continue;
    if (sorted.kept.contains(key)) {
      catch_up(core, worker, key, now);
    } else if (start_was_lost(trial, *member) && std::ranges::find(sorted.dead, key) == sorted.dead.end() &&
               !worker.occupant) {
      send_start_again(core, worker, key, rank_of(*trial.live, *member));
    } else {
      end_attempt(core, key,
                  {.reason = EndReason::kWorkerLost,
                   .message = cat(describe(worker), " came back without the trainer of this attempt"),
                   .culprit = id},
                  now);
    }
  }
}

// A trainer works on something that is not current: kill it, and keep the slot until it is gone.
void kill_stray(Core& core, Worker& worker, const fleet::AttemptKey& key, Now now) {
  core.send(worker, fleet::Stop{key, fleet::StopMode::kKill, EndReason::kCancelled, std::string(kStaleText)});
  if (!worker.occupant) {
    worker.occupant = Occupant{key, 0, 0, true, now.steady + core.options.limits.release_patience};
  }
}

// Phases in which a trainer makes no steps, however long they take.
bool needs_no_steps(const std::string& phase) {
  return phase == "evaluating" || phase == "checkpointing" || phase == "loading";
}

}  // namespace

void on_hello(Core& core, const WorkerHello& event, Now now) {
  const fleet::Hello& hello = event.hello;
  if (hello.protocol != fleet::kProtocolVersion) {
    refuse(
        core, event.session,
        cat("this worker (", hello.build, ") speaks protocol ", hello.protocol, ", the coordinator (",
            core.options.build, ") speaks protocol ", fleet::kProtocolVersion, "; install the same release on both"));
    return;
  }
  const Worker* known = find_worker(core, hello.worker);
  if (known && known->session && known->record.incarnation > hello.incarnation) {
    refuse(core, event.session,
           cat("a newer process (pid ", known->record.pid, " on ", known->record.host, ") already works as worker ",
               hello.worker, "; give each worker a --work-dir of its own"));
    return;
  }
  Worker& worker = admit(core, event, now);
  Sorted sorted = sort_attempts(core, worker, hello, now);
  const Limits& limits = core.options.limits;
  sorted.welcome.lease = limits.lease;
  sorted.welcome.heartbeat = limits.heartbeat;
  sorted.welcome.epoch = core.options.epoch;
  sorted.welcome.coordinator_build = core.options.build;
  core.send(event.session, sorted.welcome);
  reconcile(core, worker, sorted, now);
}

void on_session_closed(Core& core, SessionId session) {
  const auto it = core.sessions.find(session);
  if (it == core.sessions.end()) return;
  if (Worker* worker = find_worker(core, it->second)) {
    worker->session.reset();  // its lease goes on
    count_capacity(core, *worker);
  }
  core.sessions.erase(it);
}

void on_heartbeat(Core& core, Worker& worker, const fleet::Heartbeat& heartbeat, Now now) {
  for (const fleet::AttemptProgress& progress : heartbeat.attempts) {
    const TrialKey key = current_trial(core, progress.key);
    const Member* member = key ? find_member(*core.at(key).live, worker.record.id) : nullptr;
    if (!member) {
      kill_stray(core, worker, progress.key, now);
      continue;
    }
    LiveAttempt& live = *core.at(key).live;
    const int rank = rank_of(live, *member);
    // The other ranks wait for one that is in such a phase, whichever it is.
    if (needs_no_steps(progress.phase) || (rank == 0 && progress.step != live.progress.step)) live.moved = now.steady;
    if (rank == 0) live.progress = progress;
    const bool may_be_silent = progress.phase == "starting";  // start_timeout bounds that
    if (!may_be_silent && progress.tick_age_ms > core.options.limits.silent_trainer.count()) {
      end_attempt(core, key,
                  {.reason = EndReason::kStalled,
                   .message = cat("the trainer of rank ", rank, " (", describe(worker), ") gave no sign of life for ",
                                  static_cast<double>(progress.tick_age_ms) / 1000, " s"),
                   .culprit = worker.record.id},
                  now);
    }
  }
}

void on_slot_free(Core& core, Worker& worker, const fleet::SlotFree& message, Now now) {
  if (worker.occupant && worker.occupant->key == message.key) release_slot(core, worker);
  const TrialKey named = find_trial(core, message.key.trial);
  if (named != 0 && message.last != fleet::LastWords{})
    core.change(AttemptDescribed{named, message.key.attempt, message.key.token, worker.record.id, message.last});
  const TrialKey key = current_trial(core, message.key);
  Member* member = key ? find_member(*core.at(key).live, worker.record.id) : nullptr;
  if (member && !member->released) release_member(core, key, *member, now);
}

void on_goodbye(Core& core, Worker& worker, const fleet::Goodbye& message, Now now) {
  lose_worker(core, worker, EndReason::kPreempted, cat("it left: ", message.reason), now);
}

void lose_worker(Core& core, Worker& worker, EndReason reason, const std::string& why, Now now) {
  worker.lost = true;
  worker.why_lost = why;
  core.schedule_due = true;
  const std::string message = cat(describe(worker), " was lost: ", why);
  const nlohmann::json fields = {{"worker", worker.record.id.value()}, {"host", worker.record.host}, {"reason", why}};
  journal(core, now, "worker_lost", fields.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  const std::vector<TrialKey> live(core.live.begin(), core.live.end());
  for (const TrialKey key : live) {
    const Trial& trial = core.at(key);
    const Member* member = trial.live ? find_member(*trial.live, worker.record.id) : nullptr;
    if (!member || member->released) continue;
    end_attempt(core, key, {.reason = reason, .message = message, .culprit = worker.record.id}, now);
  }
  worker.occupant.reset();
  close_session(core, worker);
}

void on_stopping(Core& core) {
  for (const auto& [session, worker] : core.sessions)
    core.send(session, fleet::Shutdown{"the coordinator is stopping"});
}

}  // namespace autonorm::engine
