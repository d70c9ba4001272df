// Which worlds could hold a gang, kept as slots come and go, beside a count of all slots.
#include "coordinator/scheduler/capacity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "core/base/philox.h"

namespace autonorm::scheduler {
namespace {

constexpr std::array<const char*, 2> kPlaceDevices = {"cuda", "cpu"};
constexpr std::array<const char*, 4> kPlaceWorlds = {"w1", "w2", "w3", "w4"};
constexpr std::array<const char*, 3> kPlaceHosts = {"a", "b", "c"};
constexpr std::array<const char*, 3> kWantedDevices = {"auto", "cpu", "cuda"};

bool counted(const std::vector<Place>& slots, const Want& want, std::string_view device, std::string_view world) {
  if (want.device != "auto" && want.device != device) return false;
  const auto there = std::ranges::count_if(slots, [&](const Place& slot) {
    return slot.device == device && slot.world == world &&
           std::ranges::find(want.never_hosts, slot.host) == want.never_hosts.end();
  });
  return there >= want.ranks;
}

Want random_want(const RandomStream& random, uint64_t step) {
  Want want{.trial = 1, .ranks = 1 + random.word(step, 5) % 6, .device = kWantedDevices[random.word(step, 6) % 3]};
  if (random.word(step, 7) % 3 == 0) want.never_hosts.push_back(kPlaceHosts[random.word(step, 8) % 3]);
  return want;
}

TEST(Capacity, SaysWhatACountOfAllSlotsSays) {
  const RandomStream random(1, "test", "capacity");
  Capacity capacity;
  std::vector<Place> slots;
  int64_t held = 0;
  for (uint64_t step = 0; step < 3'000; ++step) {
    if (!slots.empty() && random.word(step, 1) % 2 == 0) {
      const auto gone = slots.begin() + random.word(step, 2) % slots.size();
      capacity.remove(*gone);
      slots.erase(gone);
    } else if (slots.size() < 30) {
      slots.push_back({kPlaceDevices[random.word(step, 2) % 2], kPlaceWorlds[random.word(step, 3) % 4],
                       kPlaceHosts[random.word(step, 4) % 3]});
      capacity.add(slots.back());
    }
    const Want want = random_want(random, step);
    bool somewhere = false;
    for (const char* device : kPlaceDevices) {
      for (const char* world : kPlaceWorlds) {
        const bool expected = counted(slots, want, device, world);
        ASSERT_EQ(capacity.holds(want, device, world), expected) << "step " << step;
        somewhere |= expected;
      }
    }
    const auto smallest = capacity.smallest(want);
    ASSERT_EQ(smallest.has_value(), somewhere) << "step " << step;
    ASSERT_TRUE(!smallest || counted(slots, want, smallest->device, smallest->world)) << "step " << step;
    held += somewhere ? 1 : 0;
  }
  EXPECT_GT(held, 300);
  for (const Place& slot : slots) capacity.remove(slot);
  EXPECT_EQ(capacity, Capacity()) << "nothing stays of what is gone";
}

TEST(Capacity, QuarantinedAndDrainedSlotsAreNotCounted) {
  const std::vector<Slot> slots = {{.worker = "1", .world = "x", .host = "a", .use = SlotUse::kBusy},
                                   {.worker = "2", .world = "x", .host = "a", .use = SlotUse::kQuarantined},
                                   {.worker = "3", .world = "x", .host = "a", .use = SlotUse::kDrained}};
  EXPECT_TRUE(Capacity(slots).holds({.ranks = 1}, "cpu", "x"));
  EXPECT_FALSE(Capacity(slots).holds({.ranks = 2}, "cpu", "x"));
}

}  // namespace
}  // namespace autonorm::scheduler
