#include "coordinator/engine/attempt_events.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/fleet_sessions.h"
#include "coordinator/engine/transitions.h"
#include "core/base/log.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

// One accepted event of one member.
struct Arrival {
  TrialKey key;
  int rank;
  const Worker& worker;
  const std::vector<fleet::ResumePoint>& older;  // of WorkerMessage
  Now now;
};

// "host:port" with the host that peers can reach: a leader that listens everywhere leaves it out.
std::string reachable(const std::string& endpoint, const Worker& worker) {
  const size_t colon = endpoint.rfind(':');
  const std::string host = endpoint.substr(0, colon);
  const bool anywhere = host.empty() || host == "0.0.0.0" || host == "*" || host == "[::]";
  if (!anywhere || colon == std::string::npos || worker.address.empty()) return endpoint;
  return worker.address + endpoint.substr(colon);
}

void take_event(Core& core, const Arrival& arrival, const fleet::Ready& ready) {
  Trial& trial = core.at(arrival.key);
  LiveAttempt& live = *trial.live;
  if (ready.state == "listening" && arrival.rank == 0) {
    live.endpoint = reachable(ready.endpoint, arrival.worker);
    core.change(AttemptListening{live.row, trial.token, live.endpoint});
    for (size_t rank = 1; rank < live.members.size(); ++rank) {
      const Worker* peer = find_worker(core, live.members[rank].worker);
      if (peer) core.send(*peer, fleet::Rendezvous{attempt_key(trial), live.endpoint});
    }
  } else if (ready.state == "joined") {
    live.members[static_cast<size_t>(arrival.rank)].joined = true;
    const bool all = std::ranges::all_of(live.members, &Member::joined);
    if (all && trial.state == TrialState::kAssigned) begin_running(core, arrival.key, arrival.now);
  }
}

void take_event(Core& core, const Arrival& arrival, const fleet::Metrics& metrics) {
  const Trial& trial = core.at(arrival.key);
  if (!metrics.points.empty()) core.change(MetricsAdded{trial.live->row, trial.token, metrics.points});
}

void take_event(Core& core, const Arrival& arrival, const fleet::NormStats& stats) {
  const Trial& trial = core.at(arrival.key);
  if (!stats.stats.empty()) core.change(NormStatsAdded{trial.live->row, trial.token, stats.stats});
}

void commit_checkpoint(Core& core, TrialKey key, const fleet::CheckpointSaved& checkpoint, Now now) {
  Trial& trial = core.at(key);
  trial.resume = fleet::ResumePoint{checkpoint.manifest, checkpoint.step};
  trial.trained = training_time(trial, now);
  core.change(CheckpointAdded{trial.live->row, key, trial.token, checkpoint, true, trial.trained});
}

void take_event(Core& core, const Arrival& arrival, const fleet::CheckpointSaved& checkpoint) {
  Trial& trial = core.at(arrival.key);
  if (core.artifacts.contains(checkpoint.manifest)) {
    commit_checkpoint(core, arrival.key, checkpoint, arrival.now);
    return;
  }
  // Not counted before its artifact is durable here.
  trial.live->undurable[checkpoint.step] = checkpoint;
  core.change(CheckpointAdded{trial.live->row, arrival.key, trial.token, checkpoint, false, {}});
}

// Stands for all lines beyond the limit.
fleet::LogLine further_lines(const Core& core, const LiveAttempt& live) {
  std::set<std::string> hosts;
  for (const Member& member : live.members) {
    if (const Worker* worker = find_worker(core, member.worker)) hosts.insert(worker->record.host);
  }
  return {"info", cat("further lines of this attempt are in log.txt on ",
                      join(std::vector<std::string>(hosts.begin(), hosts.end())),
                      ", in the worker's folder trials/TRIAL/attempt-N")};
}

void take_event(Core& core, const Arrival& arrival, const fleet::LogLine& line) {
  const Trial& trial = core.at(arrival.key);
  const int64_t beyond = ++trial.live->log_lines - core.options.limits.log_lines;
  if (beyond == 1) {
    const fleet::LogLine last = further_lines(core, *trial.live);
    core.change(LogAdded{trial.live->row, trial.token, arrival.rank, last, arrival.now.wall});
  }
  if (beyond > 0) return;
  core.change(LogAdded{trial.live->row, trial.token, arrival.rank, line, arrival.now.wall});
}

void take_event(Core& core, const Arrival& arrival, const fleet::Finished& finished) {
  if (arrival.rank == 0) finish_attempt(core, arrival.key, finished, arrival.now);
}

void take_event(Core& core, const Arrival& arrival, const fleet::Failed& failed) {
  // While a gang writes its last checkpoint the leader alone says when it is done; the deadline covers a leader that
  // never does.
  if (core.at(arrival.key).live->kill_at && arrival.rank != 0) return;
  end_attempt(core, arrival.key,
              {.reason = failed.reason,
               .message = failed.message,
               .culprit = arrival.worker.record.id,
               .signal = failed.signal,
               .exit_code = failed.exit_code,
               .log_tail = failed.log_tail,
               .memory = failed.memory,
               .unusable = failed.unusable,
               .older = arrival.older},
              arrival.now);
}

void acknowledge(Core& core, SessionId session, const fleet::AttemptKey& key, Seq seq) {
  Seq& highest = core.acks[{session, key}];
  highest = std::max(highest, seq);
}

// The trial has ended with this very attempt: what still trickles in (another rank's log) is acknowledged and dropped,
// so that its spool can go. Anything older is told to stop.
void refuse_late(Core& core, const Worker& worker, SessionId session, const fleet::Event& event, Now now) {
  if (const TrialKey key = find_trial(core, event.key.trial); key != 0) {
    const Trial& trial = core.at(key);
    if (!is_open(trial.state) && attempt_key(trial) == event.key) {
      acknowledge(core, session, event.key, event.seq);
      return;
    }
  }
  core.send(session, fleet::Stop{event.key, fleet::StopMode::kKill, EndReason::kCancelled,
                                 "this attempt is no longer the trial's current one"});
  if (!std::holds_alternative<fleet::Finished>(event.body)) return;
  const nlohmann::json fields = {
      {"trial", event.key.trial.value()}, {"attempt", event.key.attempt.value()}, {"worker", worker.record.id.value()}};
  journal(core, now, "late_result_refused", fields.dump());
}

}  // namespace

void on_attempt_event(Core& core, Worker& worker, const WorkerMessage& message, Now now) {
  const auto& event = std::get<fleet::Event>(message.message);
  const SessionId session = message.session;
  const TrialKey key = find_trial(core, event.key.trial);
  const bool current = key != 0 && core.at(key).live && attempt_key(core.at(key)) == event.key;
  Member* member = current ? find_member(*core.at(key).live, worker.record.id) : nullptr;
  if (!member) {
    refuse_late(core, worker, session, event, now);
    return;
  }
  if (event.seq <= member->acked) {  // sent again
    acknowledge(core, session, event.key, member->acked);
    return;
  }
  if (event.seq.value() != member->acked.value() + 1) {
    // Something in between is missing: the worker connects again and sends from the first unacknowledged event.
    log_warning(describe(worker), " skipped events ", member->acked.value() + 1, " to ", event.seq.value() - 1,
                " of trial ", short_form(event.key.trial), "; asking it to connect again");
    core.sessions.erase(session);
    worker.session.reset();
    count_capacity(core, worker);
    core.batch.outbox.push_back(CloseSession{session});
    return;
  }
  member->acked = event.seq;
  note_member(core, key, *member);
  std::optional<SteadyTime>& due = core.at(key).live->result_due;
  if (due) due = now.steady + core.options.limits.release_patience;  // a long spool is on its way
  acknowledge(core, session, event.key, event.seq);
  const Arrival arrival{key, rank_of(*core.at(key).live, *member), worker, message.older, now};
  std::visit([&](const auto& body) { take_event(core, arrival, body); }, event.body);
}

void on_artifact_stored(Core& core, const ArtifactStored& event, Now now) {
  if (!core.artifacts.insert(event.hash).second) return;
  core.change(ArtifactAdded{event.hash, event.bytes, now.wall});
  for (const TrialKey key : core.live) {
    LiveAttempt& live = *core.at(key).live;
    const auto it =
        std::ranges::find_if(live.undurable, [&](const auto& e) { return e.second.manifest == event.hash; });
    if (it == live.undurable.end()) continue;
    const fleet::CheckpointSaved checkpoint = it->second;
    live.undurable.erase(it);
    const Trial& trial = core.at(key);
    if (!trial.resume || trial.resume->step < checkpoint.step) commit_checkpoint(core, key, checkpoint, now);
  }
  settle_waiting_for_model(core, event.hash, now);
}

void flush_acks(Core& core) {
  for (const auto& [to, seq] : core.acks) core.send(to.session, fleet::Ack{to.key, seq});
  core.acks.clear();
}

}  // namespace autonorm::engine
