#include "coordinator/engine/liveness.h"

#include <algorithm>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/fleet_sessions.h"
#include "core/base/text.h"

namespace autonorm::engine {
namespace {

double seconds(std::chrono::milliseconds span) { return static_cast<double>(span.count()) / 1000; }

void expire_leases(Core& core, Now now) {
  const Limits& limits = core.options.limits;
  for (auto it = core.workers.begin(); it != core.workers.end();) {
    Worker& worker = it->second;
    if (!worker.lost && now.steady >= worker.lease_until) {
      lose_worker(core, worker, EndReason::kWorkerLost, cat("no message for ", seconds(limits.lease), " s"), now);
    }
    // A quarantined or drained one is remembered, or it would be used again as soon as it came back.
    const bool forget = worker.lost && worker.record.quarantine.empty() && worker.record.drain == Drain::kNo &&
                        now.steady >= worker.lease_until + limits.forget_lost;
    it = forget ? core.workers.erase(it) : std::next(it);
  }
}

// A slot whose attempt has ended should be free by now; its Stop may have been lost.
void kill_leftovers(Core& core, Now now) {
  for (auto& [id, worker] : core.workers) {
    if (!worker.occupant || !worker.occupant->ended || now.steady < worker.occupant->kill_again) continue;
    worker.occupant->kill_again = now.steady + core.options.limits.release_patience;
    core.send(worker, fleet::Stop{worker.occupant->key, fleet::StopMode::kKill, EndReason::kCancelled,
                                  "the attempt has ended and its slot is not free yet"});
  }
}

std::string missing_ranks(const Core& core, const LiveAttempt& live) {
  std::vector<std::string> missing;
  for (const Member& member : live.members) {
    if (member.joined) continue;
    const Worker* worker = find_worker(core, member.worker);
    missing.push_back(cat("rank ", rank_of(live, member), " (", worker ? describe(*worker) : "a lost worker", ")"));
  }
  return join(missing);
}

// The first member that has not joined, when there is just one: the others wait for it.
WorkerId start_culprit(const LiveAttempt& live) {
  const auto waiting = std::ranges::count(live.members, false, &Member::joined);
  if (waiting != 1) return {};
  return std::ranges::find(live.members, false, &Member::joined)->worker;
}

std::optional<Ending> overdue_start(const Core& core, const LiveAttempt& live, Now now) {
  const auto timeout = core.options.limits.start_timeout;
  if (now.steady - live.assigned < timeout) return std::nullopt;
  return Ending{.reason = EndReason::kStalled,
                .message = cat("the start took more than ", seconds(timeout), " s: ", missing_ranks(core, live),
                               " had not joined"),
                .culprit = start_culprit(live)};
}

// A result may be on its way while the leader is not connected, or has given its slot back: it counts.
bool timed_out(const Core& core, const Trial& trial, Now now) {
  const std::chrono::seconds timeout(trial.settings.timeout_s);
  if (timeout.count() == 0 || training_time(trial, now) < timeout) return false;
  const Worker* leader = find_worker(core, trial.live->members.front().worker);
  return leader && leader->session && !trial.live->result_due;
}

std::string timeout_text(const Trial& trial) {
  const auto before = std::chrono::duration_cast<std::chrono::seconds>(trial.live->trained);
  return cat("it ran for more than its timeout of ", trial.settings.timeout_s, " s",
             before.count() > 0 ? cat(", ", before.count(), " s of them in earlier attempts") : "");
}

std::optional<Ending> overdue_run(const Core& core, const Trial& trial, Now now) {
  const LiveAttempt& live = *trial.live;
  if (live.kill_at && now.steady >= *live.kill_at) {
    return Ending{.reason = EndReason::kPreempted,
                  .message = "it wrote no checkpoint in time after it was asked to stop"};
  }
  if (timed_out(core, trial, now)) return Ending{.reason = EndReason::kTimeout, .message = timeout_text(trial)};
  const std::chrono::seconds stall(trial.settings.stall_timeout_s);
  if (stall.count() > 0 && now.steady - live.moved >= stall) {
    return Ending{.reason = EndReason::kStalled,
                  .message = cat("no step for ", stall.count(), " s (step ", live.progress.step, ", phase ",
                                 live.progress.phase.empty() ? "unknown" : live.progress.phase, ")"),
                  .culprit = live.members.size() == 1 ? live.members.front().worker : WorkerId()};
  }
  return std::nullopt;
}

void end_overdue(Core& core, Now now) {
  const std::vector<TrialKey> live(core.live.begin(), core.live.end());
  for (const TrialKey key : live) {
    const Trial& trial = core.at(key);
    if (!trial.live) continue;
    std::optional<Ending> ending;
    if (trial.live->result_due && now.steady >= *trial.live->result_due) {
      ending = Ending{.reason = EndReason::kTrainerCrashed,
                      .message = "its trainer was gone without a result or an error",
                      .culprit = trial.live->members.front().worker};
    } else if (trial.state == TrialState::kAssigned) {
      ending = overdue_start(core, *trial.live, now);
    } else {
      ending = overdue_run(core, trial, now);
    }
    if (ending) end_attempt(core, key, std::move(*ending), now);
  }
}

}  // namespace

void on_tick(Core& core, Now now) {
  expire_leases(core, now);
  end_overdue(core, now);
  kill_leftovers(core, now);
}

}  // namespace autonorm::engine
