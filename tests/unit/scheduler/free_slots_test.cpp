// Trials of one slot are placed through an index of the free slots; it must choose what a look at all slots chooses.
#include "coordinator/scheduler/free_slots.h"

#include <gtest/gtest.h>

#include <array>

#include "core/base/philox.h"
#include "core/base/text.h"

namespace autonorm::scheduler {
namespace {

constexpr std::array<std::string_view, 3> kHosts = {"a", "b", "c"};
constexpr std::array<std::string_view, 3> kWorlds = {"w1", "w2", "w3"};
constexpr std::array<std::string_view, 3> kWanted = {"auto", "cpu", "cuda"};

std::vector<Slot> random_slots(const RandomStream& random) {
  std::vector<Slot> slots;
  const uint32_t count = random.word(0) % 20;
  for (uint32_t i = 0; i < count; ++i) {
    slots.push_back({.worker = "w",
                     .world = kWorlds[random.word(i, 1) % 3],
                     .host = kHosts[random.word(i, 2) % 3],
                     .device = random.word(i, 3) % 4 == 0 ? "cuda" : "cpu",
                     .mpi_rank = static_cast<int>(i),
                     .use = static_cast<SlotUse>(random.word(i, 4) % 3)});
  }
  return slots;
}

// `avoid` names nobody here, but a trial that avoids somebody is placed by looking at every slot.
Request random_request(const RandomStream& random, bool look_at_all) {
  Request request{.slots = random_slots(random)};
  const uint32_t count = random.word(1) % 24;
  for (uint32_t i = 0; i < count; ++i) {
    Want want{.trial = i + 1, .device = kWanted[random.word(i, 5) % 3]};
    if (random.word(i, 6) % 6 == 0) want.ranks = 2 + random.word(i, 7) % 3;
    if (look_at_all) want.avoid.push_back("nobody");
    request.wants.push_back(want);
  }
  return request;
}

TEST(FreeSlots, TheIndexChoosesWhatALookAtAllSlotsChooses) {
  int64_t placed = 0;
  for (uint64_t seed = 0; seed < 2'000; ++seed) {
    const RandomStream random(seed, "test", "slots");
    const Plan fast = plan(random_request(random, false)), slow = plan(random_request(random, true));
    ASSERT_EQ(fast.placements.size(), slow.placements.size()) << "seed " << seed;
    for (size_t i = 0; i < fast.placements.size(); ++i) {
      ASSERT_EQ(fast.placements[i].trial, slow.placements[i].trial) << "seed " << seed;
      ASSERT_EQ(fast.placements[i].slots, slow.placements[i].slots) << "seed " << seed;
    }
    ASSERT_EQ(fast.blocked, slow.blocked) << "seed " << seed;
    placed += static_cast<int64_t>(fast.placements.size());
  }
  EXPECT_GT(placed, 4'000);
}

TEST(FreeSlots, EverySlotIsHandedOutOnce) {
  const std::vector<Slot> slots(3, Slot{.worker = "w", .world = "w1", .host = "a"});
  FreeSlots free(slots);
  std::vector<bool> seen(slots.size());
  while (const auto slot = free.best("auto")) {
    EXPECT_FALSE(seen[*slot]);
    seen[*slot] = true;
    free.take(*slot);
  }
  EXPECT_EQ(seen, std::vector<bool>(3, true));
  EXPECT_FALSE(free.holds({.trial = 1}));
}

}  // namespace
}  // namespace autonorm::scheduler
