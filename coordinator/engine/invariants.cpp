// What must hold between any two events. Each rule says what it protects.
#include <algorithm>
#include <set>

#include "coordinator/engine/core_state.h"
#include "coordinator/engine/transitions.h"
#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

using Findings = std::vector<std::string>;

void check_live(const Core& core, TrialKey key, Findings& findings) {
  const Trial& trial = core.at(key);
  const bool should_live = trial.state == TrialState::kAssigned || trial.state == TrialState::kRunning;
  const std::string who = cat("trial ", short_form(trial.id), " (", name(trial.state), ")");
  if (should_live != (trial.live != nullptr)) findings.push_back(cat(who, ": state and live attempt disagree"));
  if (should_live != core.live.contains(key)) findings.push_back(cat(who, ": the list of live trials is wrong"));
  if (!trial.live) return;
  if (std::cmp_not_equal(trial.live->members.size(), trial.ranks))
    findings.push_back(cat(who, ": its gang is not complete"));
  for (const Member& member : trial.live->members) {
    const Worker* worker = find_worker(core, member.worker);
    // One owner per slot: a member that has not given its slot back holds it.
    if (!member.released && (!worker || !worker->occupant || worker->occupant->key != attempt_key(trial))) {
      findings.push_back(cat(who, ": worker ", member.worker, " does not hold its slot"));
    }
  }
  if (trial.state == TrialState::kRunning && !std::ranges::all_of(trial.live->members, &Member::joined)) {
    findings.push_back(cat(who, ": it runs although not every rank has joined"));
  }
}

void check_queue(const Core& core, TrialKey key, Findings& findings) {
  const Trial& trial = core.at(key);
  for (const int64_t id : trial.sweeps) {
    const SweepEntry& entry = core.sweeps.at(id);
    const bool should_queue = trial.state == TrialState::kQueued && entry.record.state != SweepState::kCancelled;
    const auto lane = entry.lanes.find(shape_of(trial));
    const bool queued = lane != entry.lanes.end() &&
                        lane->second.trials.contains({-(entry.record.priority + trial.settings.priority), key});
    if (queued != should_queue)
      findings.push_back(cat("trial ", short_form(trial.id), ": the queue of sweep ", id, " disagrees with its state"));
  }
  const bool ready = stages_ready(core, trial);
  if (trial.state == TrialState::kWaiting && ready)
    findings.push_back(cat("trial ", short_form(trial.id), " waits for nothing"));
  if (trial.state == TrialState::kQueued && !ready)
    findings.push_back(cat("trial ", short_form(trial.id), " is queued, but a stage of it has no model"));
  if (is_open(trial.state) && !claimed(core, trial))
    findings.push_back(cat("trial ", short_form(trial.id), " is open but unclaimed"));
}

void check_worker(const Core& core, const Worker& worker, Findings& findings) {
  if (worker.session) {
    const auto it = core.sessions.find(*worker.session);
    if (it == core.sessions.end() || it->second != worker.record.id)
      findings.push_back(cat(describe(worker), ": session unknown"));
  }
  if (can_take_trial(worker) && !core.maybe_free.contains(worker.record.id))
    findings.push_back(cat(describe(worker), " is free, but placement does not know"));
  if (worker.lost && worker.occupant) findings.push_back(cat(describe(worker), " is lost but holds a slot"));
  if (!worker.occupant || worker.occupant->ended) return;
  const Trial& trial = core.at(worker.occupant->trial);
  if (!trial.live || attempt_key(trial) != worker.occupant->key)
    findings.push_back(cat(describe(worker), " works on an attempt that has ended"));
}

void check_counts(const Core& core, const SweepEntry& entry, Findings& findings) {
  std::set<TrialKey> distinct;
  for (const Claim& claim : entry.claims) distinct.insert(claim.trial);
  SweepEntry fresh;
  for (const TrialKey key : distinct) count_trial(core, fresh, key, 1);
  if (fresh.counts != entry.counts) findings.push_back(cat("sweep ", entry.record.id, ": its counts are wrong"));
  if (fresh.failures != entry.failures) findings.push_back(cat("sweep ", entry.record.id, ": its failures are wrong"));
  if (fresh.slots_in_use != entry.slots_in_use)
    findings.push_back(cat("sweep ", entry.record.id, ": its slots in use are wrong"));
}

// Who may start something has a turn, nobody else, and each turn says what is true now.
void check_turns(const Core& core, Findings& findings) {
  std::map<Shape, std::set<Turn>> turns;
  for (const auto& [id, entry] : core.sweeps) {
    for (const auto& [shape, lane] : entry.lanes) {
      if (lane.trials.empty()) findings.push_back(cat("sweep ", id, " keeps an empty lane"));
      if (!lane.trials.empty() && may_start(entry))
        turns[shape].insert({lane.trials.begin()->negative_priority, entry.slots_in_use, entry.served, id});
    }
  }
  if (turns != core.turns) findings.push_back("the turns of the sweeps are wrong");
}

// Gangs are planned with it.
void check_capacity(const Core& core, Findings& findings) {
  scheduler::Capacity capacity;
  for (const auto& [id, worker] : core.workers) {
    if (usable(worker)) capacity.add({worker.record.device.kind, worker.record.mpi_world, worker.record.host});
  }
  if (capacity != core.capacity) findings.push_back("the capacity of the worlds is wrong");
}

// A retry that goes on in later slices is one that a restart would find.
void check_retries(const Core& core, Findings& findings) {
  for (const Retrial& job : core.retrials) {
    if (job.record.after != 0 && !job.written) findings.push_back("a retry in slices is not written");
    if (job.named > job.trials.size()) findings.push_back("a retry has lost trials");
    for (const TrialKey key : job.trials) {
      if (key < 1 || std::cmp_greater_equal(key, core.trials.size())) findings.push_back("a retry of no trial");
    }
  }
}

}  // namespace

std::vector<std::string> Engine::check_invariants() const {
  Findings findings;
  std::set<TrialKey> about_to_go;  // of sweeps whose cancellation is on its way
  for (const Cancellation& job : core_->cancellations)
    about_to_go.insert(job.trials.begin() + static_cast<ptrdiff_t>(job.next), job.trials.end());
  for (TrialKey key = 1; key < static_cast<TrialKey>(core_->trials.size()); ++key) {
    check_live(*core_, key, findings);
    if (!about_to_go.contains(key)) check_queue(*core_, key, findings);
  }
  for (const auto& [id, worker] : core_->workers) check_worker(*core_, worker, findings);
  for (const auto& [id, entry] : core_->sweeps) check_counts(*core_, entry, findings);
  check_turns(*core_, findings);
  check_capacity(*core_, findings);
  check_retries(*core_, findings);
  return findings;
}

}  // namespace autonorm::engine
