#include "coordinator/engine/core_state.h"

#include <algorithm>

namespace autonorm::engine {

std::string_view name(SweepState state) {
  switch (state) {
    case SweepState::kSubmitting:
      return "submitting";
    case SweepState::kRunning:
      return "running";
    case SweepState::kPaused:
      return "paused";
    case SweepState::kHalted:
      return "halted";
    case SweepState::kCancelled:
      return "cancelled";
  }
  return "?";
}

std::optional<SweepState> parse_sweep_state(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(SweepState::kCancelled); ++i) {
    if (name(static_cast<SweepState>(i)) == word) return static_cast<SweepState>(i);
  }
  return std::nullopt;
}

std::string_view name(Drain drain) {
  switch (drain) {
    case Drain::kNo:
      return "no";
    case Drain::kAfterTrial:
      return "after_trial";
    case Drain::kNow:
      return "now";
  }
  return "?";
}

std::optional<Drain> parse_drain(std::string_view word) {
  for (const Drain drain : {Drain::kNo, Drain::kAfterTrial, Drain::kNow}) {
    if (name(drain) == word) return drain;
  }
  return std::nullopt;
}

TrialKey find_trial(const Core& core, const TrialId& id) {
  const PackedId<TrialId, 32> packed(id);
  return core.trial_index.find(packed.word(), [&](TrialKey key) { return core.at(key).id == packed; });
}

TrialKey add_trial(Core& core, Trial trial) {
  const auto key = static_cast<TrialKey>(core.trials.size());
  core.trials.push_back(std::move(trial));
  core.trial_index.add(key, [&](TrialKey other) { return core.at(other).id.word(); });
  return key;
}

std::chrono::milliseconds training_time(const Trial& trial, Now now) {
  if (trial.state != TrialState::kRunning) return trial.live->trained;
  return trial.live->trained + std::chrono::duration_cast<std::chrono::milliseconds>(now.steady - trial.live->running);
}

bool can_take_trial(const Worker& worker) { return usable(worker) && !worker.occupant; }

void note_free(Core& core, const Worker& worker) {
  core.maybe_free.insert(worker.record.id);
  core.schedule_due = true;
}

void count_capacity(Core& core, Worker& worker) {
  std::optional<scheduler::Place> place;
  if (usable(worker)) place = scheduler::Place{worker.record.device.kind, worker.record.mpi_world, worker.record.host};
  if (place == worker.counted) return;
  if (worker.counted) core.capacity.remove(*worker.counted);
  if (place) core.capacity.add(*place);
  worker.counted = std::move(place);
}

Member* find_member(LiveAttempt& live, const WorkerId& worker) {
  const auto it = std::ranges::find(live.members, worker, &Member::worker);
  return it == live.members.end() ? nullptr : &*it;
}

int rank_of(const LiveAttempt& live, const Member& member) { return static_cast<int>(&member - live.members.data()); }

Worker* find_worker(Core& core, const WorkerId& id) {
  const auto it = core.workers.find(id);
  return it == core.workers.end() ? nullptr : &it->second;
}

const Worker* find_worker(const Core& core, const WorkerId& id) {
  const auto it = core.workers.find(id);
  return it == core.workers.end() ? nullptr : &it->second;
}

void journal(Core& core, Now now, std::string kind, std::string json) {
  core.change(Journal{now.wall, std::move(kind), std::move(json)});
}

bool usable(const Worker& worker) {
  return worker.session && !worker.lost && worker.record.quarantine.empty() && worker.record.drain == Drain::kNo;
}

std::string describe(const Worker& worker) { return cat("worker ", worker.record.id, " on ", worker.record.host); }

}  // namespace autonorm::engine
