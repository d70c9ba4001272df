#include "coordinator/scheduler/capacity.h"

namespace autonorm::scheduler {

Capacity::Capacity(const std::vector<Slot>& slots) {
  for (const Slot& slot : slots) {
    if (slot.use == SlotUse::kQuarantined || slot.use == SlotUse::kDrained) continue;
    add({std::string(slot.device), std::string(slot.world), std::string(slot.host)});
  }
}

void Capacity::add(const Place& slot) { change(slot, 1); }
void Capacity::remove(const Place& slot) { change(slot, -1); }

void Capacity::change(const Place& slot, int64_t by) {
  Worlds& worlds = devices_[slot.device];
  Slots& slots = worlds.by_name[slot.world];
  worlds.by_size.erase({slots.total, slot.world});
  slots.total += by;
  const auto host = slots.hosts.try_emplace(slot.host).first;
  host->second += by;
  if (host->second == 0) slots.hosts.erase(host);
  if (slots.total > 0) {
    worlds.by_size.emplace(slots.total, slot.world);
  } else {
    worlds.by_name.erase(slot.world);
  }
  if (worlds.by_name.empty()) devices_.erase(slot.device);
}

bool Capacity::holds(const Want& want, const Slots& slots) {
  int64_t suitable = slots.total;
  for (const std::string_view host : want.never_hosts) {
    const auto there = slots.hosts.find(host);
    if (there != slots.hosts.end()) suitable -= there->second;
  }
  return suitable >= want.ranks;
}

bool Capacity::holds(const Want& want, std::string_view device, std::string_view world) const {
  if (want.device != "auto" && want.device != device) return false;
  const auto worlds = devices_.find(device);
  if (worlds == devices_.end()) return false;
  const auto slots = worlds->second.by_name.find(world);
  return slots != worlds->second.by_name.end() && holds(want, slots->second);
}

// The first one of its size or more holds a trial that no host is closed to.
std::optional<Capacity::World> Capacity::smallest(const Want& want) const {
  for (const auto& [device, worlds] : devices_) {
    if (want.device != "auto" && want.device != device) continue;
    for (auto it = worlds.by_size.lower_bound({want.ranks, ""}); it != worlds.by_size.end(); ++it) {
      if (holds(want, worlds.by_name.at(it->second))) return World{device, it->second};
    }
  }
  return std::nullopt;
}

}  // namespace autonorm::scheduler
