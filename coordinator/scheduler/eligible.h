// Which slots a trial may use, grouped as gangs need them. Shared by the plan and by its explanation.
#pragma once
#include <map>
#include <string_view>
#include <vector>

#include "coordinator/scheduler/scheduler.h"

namespace autonorm::scheduler {

inline bool contains(const std::vector<std::string_view>& list, std::string_view word) {
  for (const std::string_view item : list) {
    if (item == word) return true;
  }
  return false;
}

inline bool device_fits(const Want& want, const Slot& slot) {
  return want.device == "auto" || want.device == slot.device;
}

inline bool out_of_use(const Slot& slot) { return slot.use == SlotUse::kQuarantined || slot.use == SlotUse::kDrained; }
inline bool fits(const Want& want, const Slot& slot) {
  return device_fits(want, slot) && !contains(want.never_hosts, slot.host);
}
// Device and data fit, and it is in use; whether it is free is another question.
inline bool suits(const Want& want, const Slot& slot) { return fits(want, slot) && !out_of_use(slot); }

// A gang is of one MPI world and one device kind. "cuda" sorts before "cpu": `auto` prefers GPUs.
struct Pool {
  std::string_view device, world;
  bool operator<(const Pool& other) const {
    if (device != other.device) return device > other.device;
    return world < other.world;
  }
};
using Pools = std::map<Pool, std::vector<size_t>>;  // → indices of slots

}  // namespace autonorm::scheduler
