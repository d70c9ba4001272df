#include "coordinator/engine/sweep_states.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

int64_t failed_trials(const SweepEntry& entry) { return entry.counts[static_cast<size_t>(TrialState::kFailed)]; }

void write_state(Core& core, SweepEntry& entry) {
  core.change(SweepStateSet{entry.record.id, entry.record.state, entry.record.tolerated});
  refresh_turns(core, entry);
}

}  // namespace

int64_t failures(const SweepEntry& entry) { return failed_trials(entry) - entry.record.tolerated; }

void set_sweep_state(Core& core, SweepEntry& entry, SweepState state) {
  if (entry.record.state == state) return;
  entry.record.state = state;
  write_state(core, entry);
}

void journal_state(Core& core, const SweepEntry& entry, Now now) {
  const nlohmann::json fields = {{"sweep", entry.record.id.value()}, {"state", name(entry.record.state)}};
  journal(core, now, "sweep_state", fields.dump());
}

void reopen(Core& core, SweepEntry& entry) {
  set_sweep_state(core, entry, SweepState::kRunning);
  for (const Claim& claim : entry.claims) {
    if (core.at(claim.trial).state == TrialState::kQueued) update_queue(core, claim.trial);
  }
}

void tolerate_failures(Core& core, SweepEntry& entry) {
  const bool halted = entry.record.state == SweepState::kHalted;
  if (!halted && entry.record.tolerated == failed_trials(entry)) return;
  entry.record.tolerated = failed_trials(entry);
  if (halted) entry.record.state = SweepState::kRunning;
  write_state(core, entry);
}

void forget_tolerated(Core& core, SweepEntry& entry) {
  if (failures(entry) >= 0) return;
  entry.record.tolerated = failed_trials(entry);
  write_state(core, entry);
}

void count_failures_again(Core& core, SweepEntry& entry, Now now) {
  if (entry.record.tolerated != 0) {
    entry.record.tolerated = 0;
    write_state(core, entry);
  }
  note_failure(core, entry, now);
}

void note_failure(Core& core, SweepEntry& entry, Now now) {
  const SweepState state = entry.record.state;
  if (state != SweepState::kRunning && state != SweepState::kSubmitting) return;
  if (entry.record.fail_fast == 0 || failures(entry) < entry.record.fail_fast) return;
  set_sweep_state(core, entry, SweepState::kHalted);
  const nlohmann::json fields = {{"sweep", entry.record.id.value()}, {"failed", failures(entry)}};
  journal(core, now, "sweep_halted", fields.dump());
}

}  // namespace autonorm::engine
