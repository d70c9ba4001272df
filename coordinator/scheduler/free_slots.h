// The free slots of one plan, ordered as trials of one slot take them: each costs O(log slots) however many are free.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "coordinator/scheduler/eligible.h"

namespace autonorm::scheduler {

class FreeSlots {
 public:
  // Keeps a reference; slots that are busy or quarantined are left out.
  explicit FreeSlots(const std::vector<Slot>& slots);

  bool operator[](size_t slot) const { return free_[slot]; }
  // The slot is not free any more. It must be.
  void take(size_t slot);
  // Whether some pool has as many free slots as the trial needs, avoided workers and hosts included.
  bool holds(const Want& want) const;
  // For a trial of one slot: of the best device kind with room the tightest pool, in it the tightest host, there the
  // lowest MPI rank. Large worlds and hosts stay whole for gangs.
  std::optional<size_t> best(std::string_view device) const;

 private:
  using Ranked = std::set<std::pair<int, size_t>>;  // MPI rank, slot
  struct PoolSlots {
    std::map<std::string_view, Ranked> hosts;
    std::set<std::pair<size_t, std::string_view>> tightest;  // hosts by free slots
    size_t free = 0;
  };
  // "cuda" sorts before "cpu", as in Pool.
  struct BetterDevice {
    bool operator()(std::string_view a, std::string_view b) const { return a > b; }
  };
  // Calls `visit(pools by free slots)` for each device kind that suits, the better one first, until it returns true.
  template <class Visit>
  bool any_device(std::string_view device, Visit&& visit) const;

  const std::vector<Slot>& slots_;
  std::vector<bool> free_;
  std::map<Pool, PoolSlots> pools_;
  std::map<std::string_view, std::set<std::pair<size_t, std::string_view>>, BetterDevice> worlds_;  // free slots, world
};

}  // namespace autonorm::scheduler
