#include "coordinator/engine/outlook.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "coordinator/engine/transitions.h"
#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

double seconds_between(SteadyTime from, SteadyTime to) { return std::chrono::duration<double>(to - from).count(); }

// A live trial and when it ends; unknown ends come last.
struct LiveEnd {
  TrialKey trial = 0;
  std::optional<double> seconds;
  bool operator<(const LiveEnd& other) const {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    return std::pair(seconds.value_or(kNever), trial) < std::pair(other.seconds.value_or(kNever), other.trial);
  }
};

std::vector<LiveEnd> endings(const Core& core, Now now, auto&& accepts) {
  std::vector<LiveEnd> found;
  for (const TrialKey key : core.live) {
    if (accepts(core.at(key))) found.push_back({key, seconds_left(core, core.at(key), now)});
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string when(const Core& core, const LiveEnd& ending) {
  return cat("starts when trial ", short_form(core.at(ending.trial).id), " ends",
             ending.seconds ? cat(", in about ", about(*ending.seconds)) : "");
}

bool device_fits(const Trial& trial, const Worker& worker) {
  return trial.device == "auto" || trial.device == worker.record.device.kind;
}

// Slots of one MPI world and device kind that are not out of use.
struct World {
  int64_t size = 0, free = 0;
  std::set<TrialKey> trials;  // that hold the others
};

std::map<std::pair<std::string, std::string>, World> worlds(const Core& core, const Trial& trial) {
  std::map<std::pair<std::string, std::string>, World> found;
  for (const auto& [id, worker] : core.workers) {
    if (!usable(worker) || !device_fits(trial, worker)) continue;
    if (trial.misfortune && trial.misfortune->no_data.contains(worker.record.host)) continue;
    World& world = found[{worker.record.device.kind, worker.record.mpi_world}];
    ++world.size;
    if (!worker.occupant) ++world.free;
    if (worker.occupant && !worker.occupant->ended) world.trials.insert(worker.occupant->trial);
  }
  return found;
}

// The end that leaves enough slots in this world free.
std::optional<LiveEnd> enough_free(const Core& core, const World& world, int64_t ranks, Now now) {
  int64_t free = world.free;
  for (const LiveEnd& ending :
       endings(core, now, [&](const Trial& t) { return world.trials.contains(core.key_of(t)); })) {
    free += core.at(ending.trial).ranks;
    if (free >= ranks) return ending;
  }
  return std::nullopt;
}

std::string gang_outlook(const Core& core, const Trial& trial, Now now) {
  std::optional<LiveEnd> first;
  for (const auto& [place, world] : worlds(core, trial)) {
    if (world.size < trial.ranks || world.free >= trial.ranks) continue;
    const auto ending = enough_free(core, world, trial.ranks, now);
    if (ending && (!first || *ending < *first)) first = ending;
  }
  return first ? when(core, *first) : "";
}

std::string single_outlook(const Core& core, const Trial& trial, int64_t ahead, Now now) {
  std::set<TrialKey> holders;
  int64_t slots = 0;
  for (const auto& [place, world] : worlds(core, trial)) {
    if (world.free > 0) return "";
    slots += world.size;
    holders.insert(world.trials.begin(), world.trials.end());
  }
  if (slots == 0) return "";
  const std::vector<LiveEnd> ends =
      endings(core, now, [&](const Trial& t) { return holders.contains(core.key_of(t)); });
  if (ahead < static_cast<int64_t>(ends.size())) return when(core, ends[static_cast<size_t>(ahead)]);
  if (core.finished_attempts == 0) return "";
  const double mean = core.finished_seconds / static_cast<double>(core.finished_attempts);
  return cat("starts in about ", about(mean * static_cast<double>(ahead + 1) / static_cast<double>(slots)));
}

// The first trial of its sweeps that ends: all of them are at their limit.
std::string limit_outlook(const Core& core, const Trial& trial, Now now) {
  const auto ends = endings(core, now, [&](const Trial& other) {
    return std::ranges::any_of(other.sweeps, [&](int64_t id) {
      const SweepEntry& entry = core.sweeps.at(id);
      return std::ranges::find(trial.sweeps, id) != trial.sweeps.end() && entry.record.max_parallel > 0 &&
             (entry.record.state == SweepState::kRunning || entry.record.state == SweepState::kSubmitting);
    });
  });
  return ends.empty() ? "" : when(core, ends.front());
}

std::string stage_outlook(const Core& core, const Trial& trial, Now now) {
  for (const StageInput& input : trial.inputs) {
    const Trial& stage = core.at(input.trial);
    if (stage.live) return when(core, {input.trial, seconds_left(core, stage, now)});
    if (is_open(stage.state)) return cat("its stage waits itself; see: coordinator explain ", short_form(stage.id));
  }
  return "";
}

}  // namespace

std::string about(double seconds) {
  const auto up = [](double value) { return static_cast<int64_t>(std::ceil(value)); };
  if (seconds < 90) return cat(std::max<int64_t>(1, up(seconds)), " s");
  if (seconds < 90 * 60) return cat(up(seconds / 60), " min");
  if (seconds < 48 * 3600) return cat(up(seconds / 3600), " h");
  return cat(up(seconds / 86400), " d");
}

std::optional<double> seconds_left(const Core& core, const Trial& trial, Now now) {
  const LiveAttempt& live = *trial.live;
  const int64_t first = live.resume ? live.resume->step : 0;
  const int64_t done = live.progress.step - first;
  if (trial.state == TrialState::kRunning && done > 0 && live.progress.total_steps > 0) {
    const double per_step = seconds_between(live.running, now.steady) / static_cast<double>(done);
    return per_step * static_cast<double>(std::max<int64_t>(0, live.progress.total_steps - live.progress.step));
  }
  if (core.finished_attempts == 0) return std::nullopt;
  const double mean = core.finished_seconds / static_cast<double>(core.finished_attempts);
  return std::max(0.0, mean - seconds_between(live.assigned, now.steady));
}

std::string outlook(const Core& core, TrialKey key, int64_t ahead, Now now) {
  const Trial& trial = core.at(key);
  if (!wanted(core, trial)) return "";
  if (trial.state == TrialState::kWaiting) return stage_outlook(core, trial, now);
  if (trial.state != TrialState::kQueued) return "";
  const bool allowed = std::ranges::any_of(trial.sweeps, [&](int64_t id) { return may_start(core.sweeps.at(id)); });
  if (!allowed) return limit_outlook(core, trial, now);
  return trial.ranks > 1 ? gang_outlook(core, trial, now) : single_outlook(core, trial, ahead, now);
}

}  // namespace autonorm::engine
