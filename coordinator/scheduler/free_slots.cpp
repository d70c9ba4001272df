#include "coordinator/scheduler/free_slots.h"

#include <utility>

namespace autonorm::scheduler {

FreeSlots::FreeSlots(const std::vector<Slot>& slots) : slots_(slots), free_(slots.size()) {
  for (size_t i = 0; i < slots.size(); ++i) {
    const Slot& slot = slots[i];
    if (slot.use != SlotUse::kFree) continue;
    free_[i] = true;
    PoolSlots& pool = pools_[{slot.device, slot.world}];
    pool.hosts[slot.host].emplace(slot.mpi_rank, i);
    ++pool.free;
  }
  for (auto& [key, pool] : pools_) {
    for (const auto& [host, ranked] : pool.hosts) pool.tightest.emplace(ranked.size(), host);
    worlds_[key.device].emplace(pool.free, key.world);
  }
}

void FreeSlots::take(size_t slot) {
  const Slot& taken = slots_[slot];
  free_[slot] = false;
  PoolSlots& pool = pools_.at({taken.device, taken.world});
  Ranked& ranked = pool.hosts.at(taken.host);
  pool.tightest.erase({ranked.size(), taken.host});
  ranked.erase({taken.mpi_rank, slot});
  if (!ranked.empty()) pool.tightest.emplace(ranked.size(), taken.host);
  auto& worlds = worlds_.at(taken.device);
  worlds.erase({pool.free, taken.world});
  if (--pool.free > 0) worlds.emplace(pool.free, taken.world);
}

template <class Visit>
bool FreeSlots::any_device(std::string_view device, Visit&& visit) const {
  for (const auto& [kind, worlds] : worlds_) {
    if (worlds.empty() || (device != "auto" && device != kind)) continue;
    if (visit(kind, worlds)) return true;
  }
  return false;
}

bool FreeSlots::holds(const Want& want) const {
  return any_device(want.device, [&](std::string_view, const auto& worlds) {
    return std::cmp_greater_equal(worlds.rbegin()->first, want.ranks);
  });
}

std::optional<size_t> FreeSlots::best(std::string_view device) const {
  std::optional<size_t> slot;
  any_device(device, [&](std::string_view kind, const auto& worlds) {
    const PoolSlots& pool = pools_.at({kind, worlds.begin()->second});
    slot = pool.hosts.at(pool.tightest.begin()->second).begin()->second;
    return true;
  });
  return slot;
}

}  // namespace autonorm::scheduler
