// How many slots each MPI world has, busy or free: whether a gang could ever fit costs no look at the slots. Kept by
// the engine as workers come and go.
#pragma once
#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "coordinator/scheduler/scheduler.h"

namespace autonorm::scheduler {

// Where a slot is.
struct Place {
  std::string device, world, host;
  auto operator<=>(const Place&) const = default;
};

class Capacity {
 public:
  Capacity() = default;
  explicit Capacity(const std::vector<Slot>& slots);  // of those that are neither quarantined nor drained

  void add(const Place& slot);
  void remove(const Place& slot);  // which was added

  // Whether one world with slots of this device kind could hold the trial if all of them were free.
  bool holds(const Want& want, std::string_view device, std::string_view world) const;
  // The device kind and the smallest world that could; GPUs before CPUs where it takes either. The views live until the
  // next change.
  struct World {
    std::string_view device, world;
  };
  std::optional<World> smallest(const Want& want) const;

  bool operator==(const Capacity&) const = default;

 private:
  struct Slots {
    int64_t total = 0;
    std::map<std::string, int64_t, std::less<>> hosts;
    bool operator==(const Slots&) const = default;
  };
  struct Worlds {
    std::map<std::string, Slots, std::less<>> by_name;
    std::set<std::pair<int64_t, std::string>> by_size;
    bool operator==(const Worlds&) const = default;
  };
  void change(const Place& slot, int64_t by);
  static bool holds(const Want& want, const Slots& slots);

  std::map<std::string, Worlds, std::greater<>> devices_;  // "cuda" before "cpu"
};

}  // namespace autonorm::scheduler
