#include "coordinator/engine/placement.h"

#include <algorithm>
#include <utility>

#include "coordinator/engine/attempts.h"
#include "coordinator/engine/waiting_line.h"

namespace autonorm::engine {
namespace {

struct Supply {
  std::vector<scheduler::Slot> slots;
  std::vector<const Worker*> workers;  // slot → worker
  size_t free = 0;
};

void add_slot(Supply& supply, const Worker& worker) {
  const WorkerRecord& record = worker.record;
  const auto use = !record.quarantine.empty()   ? scheduler::SlotUse::kQuarantined
                   : record.drain != Drain::kNo ? scheduler::SlotUse::kDrained
                   : worker.occupant            ? scheduler::SlotUse::kBusy
                                                : scheduler::SlotUse::kFree;
  supply.slots.push_back(
      {record.id.value(), record.mpi_world, record.host, record.device.kind, record.mpi_rank, use, record.quarantine});
  supply.workers.push_back(&worker);
  if (use == scheduler::SlotUse::kFree) ++supply.free;
}

// Every connected worker.
Supply whole_supply(const Core& core) {
  Supply supply;
  for (const auto& [id, worker] : core.workers) {
    if (worker.session && !worker.lost) add_slot(supply, worker);
  }
  return supply;
}

// Free workers alone, few while the others are busy. What a gang could have once these are free, Core::capacity says.
Supply free_supply(Core& core) {
  Supply supply;
  for (auto it = core.maybe_free.begin(); it != core.maybe_free.end();) {
    const Worker* worker = find_worker(core, *it);
    const bool free = worker && can_take_trial(*worker);
    if (free) add_slot(supply, *worker);
    it = free ? std::next(it) : core.maybe_free.erase(it);
  }
  return supply;
}

// Whether workers where it has not failed could take the trial, now or when they are free.
bool has_elsewhere(const Core& core, const Trial& trial) {
  std::map<std::pair<std::string_view, std::string_view>, int32_t> slots;  // by device kind and world
  return std::ranges::any_of(core.workers, [&](const auto& entry) {
    const auto& [id, worker] = entry;
    return may_serve(worker, trial) && !trial.misfortune->avoid.contains(id) &&
           ++slots[{worker.record.device.kind, worker.record.mpi_world}] >= trial.ranks;
  });
}

// A trial that lets others go first must not do so for ever: only while there is hope for other workers.
std::vector<std::string_view> workers_to_avoid(const Core& core, const Trial& trial, Now now) {
  if (!trial.misfortune || now.steady - trial.misfortune->failed >= core.options.limits.avoid_for) return {};
  if (!has_elsewhere(core, trial)) return {};
  std::vector<std::string_view> workers;
  for (const WorkerId& worker : trial.misfortune->avoid) workers.push_back(worker.value());
  return workers;
}

std::vector<scheduler::Want> next_wants(const Core& core, size_t free, Now now) {
  std::vector<scheduler::Want> wants;
  for (const TrialKey key : next_in_line(core, free)) {
    wants.push_back(want_of(core, key));
    wants.back().avoid = workers_to_avoid(core, core.at(key), now);
  }
  return wants;
}

// Sweeps take turns, so another gang of the same kind may be the first one now: it has waited as long.
void note_blocked(Core& core, TrialKey blocked, Now now) {
  const bool same = blocked != 0 && core.blocked != 0 && shape_of(core.at(blocked)) == shape_of(core.at(core.blocked));
  core.blocked = blocked;
  if (same) return;
  core.blocked_since = now.steady;
  core.reserved_world.clear();
}

void drop_reservations(Core& core) {
  for (const WorkerId& id : std::exchange(core.reserved, {})) {
    if (Worker* worker = find_worker(core, id)) worker->reserved = false;
  }
}

void reserve_worker(Core& core, const WorkerId& id) {
  core.workers.at(id).reserved = true;
  core.reserved.push_back(id);
}

bool reservation_is_due(const Core& core, Now now) {
  return core.blocked != 0 && now.steady - core.blocked_since >= core.options.limits.reserve_after;
}

}  // namespace

std::vector<scheduler::Slot> connected_slots(const Core& core) {
  Supply supply = whole_supply(core);
  if (core.reserved.empty()) return std::move(supply.slots);
  for (size_t i = 0; i < supply.slots.size(); ++i) {
    if (!supply.workers[i]->reserved) continue;
    supply.slots[i].kept_for = core.reserved_for;
    supply.slots[i].kept_name = short_form(core.at(core.reserved_for).id);
  }
  return std::move(supply.slots);
}

scheduler::Want want_of(const Core& core, TrialKey key) {
  const Trial& trial = core.at(key);
  scheduler::Want want{.trial = key, .ranks = trial.ranks, .device = trial.device, .avoid = {}, .never_hosts = {}};
  if (!trial.misfortune) return want;
  for (const std::string& host : trial.misfortune->no_data) want.never_hosts.push_back(host);
  return want;
}

void place_trials(Core& core, Now now) {
  const bool reserve = reservation_is_due(core, now) && core.reserved_world.empty();
  if (!core.schedule_due && !reserve) return;
  core.schedule_due = false;
  drop_reservations(core);
  if (core.turns.empty()) return;
  Supply supply = free_supply(core);
  if (supply.free == 0) return;

  scheduler::Request request{.slots = std::move(supply.slots),
                             .wants = next_wants(core, supply.free, now),
                             .reserve_for = 0,
                             .reserved_world = core.reserved_world,
                             .capacity = &core.capacity};
  if (reservation_is_due(core, now)) request.reserve_for = core.blocked;
  const scheduler::Plan plan = scheduler::plan(request);
  note_blocked(core, plan.blocked, now);
  core.reserved_world = plan.reservation ? plan.reservation->world : "";
  core.reserved_for = plan.reservation ? plan.reservation->trial : 0;
  if (plan.reservation) {
    for (const size_t slot : plan.reservation->withheld) reserve_worker(core, supply.workers[slot]->record.id);
  }
  for (const scheduler::Placement& placement : plan.placements) {
    std::vector<WorkerId> workers;
    for (const size_t slot : placement.slots) workers.push_back(supply.workers[slot]->record.id);
    start_attempt(core, placement.trial, workers, now);
  }
  // More may fit than the heads of the queues showed.
  if (!plan.placements.empty()) core.schedule_due = true;
}

}  // namespace autonorm::engine
