#include "coordinator/scheduler/scheduler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/base/philox.h"
#include "core/base/text.h"

namespace autonorm::scheduler {
namespace {

// Slots that share storage for their names.
struct Fleet {
  Slot& add(std::string worker, std::string world, std::string host, int rank, SlotUse use = SlotUse::kFree,
            std::string device = "cpu") {
    names.push_back(
        std::make_unique<std::array<std::string, 4>>(std::array<std::string, 4>{worker, world, host, device}));
    const auto& n = *names.back();
    slots.push_back({n[0], n[1], n[2], n[3], rank, use});
    return slots.back();
  }
  std::vector<std::unique_ptr<std::array<std::string, 4>>> names;
  std::vector<Slot> slots;
};

std::vector<size_t> placed(const Plan& plan, int64_t trial) {
  for (const Placement& p : plan.placements) {
    if (p.trial == trial) return p.slots;
  }
  return {};
}

TEST(Plan, NoSlotsNoPlacements) {
  const Plan result = plan({.slots = {}, .wants = {{.trial = 1}}});
  EXPECT_TRUE(result.placements.empty());
  EXPECT_EQ(result.blocked, 0);
}

TEST(Plan, ServesInTheOrderOfTheQueue) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 7}, {.trial = 3}}});
  ASSERT_EQ(result.placements.size(), 1U);
  EXPECT_EQ(result.placements[0].trial, 7);
}

TEST(Plan, AGangStaysOnOneHostWhereItCan) {
  Fleet fleet;
  for (int rank = 0; rank < 3; ++rank) fleet.add(cat("a", rank), "x", "a", rank);
  for (int rank = 3; rank < 5; ++rank) fleet.add(cat("b", rank), "x", "b", rank);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1, .ranks = 2}}});
  EXPECT_EQ(placed(result, 1), (std::vector<size_t>{3, 4})) << "the tightest host that holds it";
}

TEST(Plan, AGangSpreadsOverHostsWhenItMustAndRanksFollowMpi) {
  Fleet fleet;
  fleet.add("b1", "x", "b", 3);
  fleet.add("a1", "x", "a", 1);
  fleet.add("a0", "x", "a", 0);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1, .ranks = 3}}});
  EXPECT_EQ(placed(result, 1), (std::vector<size_t>{2, 1, 0}));
}

TEST(Plan, WorldsAreNeverMixed) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  fleet.add("w1", "y", "a", 0);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1, .ranks = 2}}});
  EXPECT_TRUE(result.placements.empty());
  EXPECT_EQ(result.blocked, 0) << "no world could ever hold it";
}

TEST(Plan, DeviceKindsAreNeverMixedAndAutoPrefersCuda) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  fleet.add("w1", "x", "a", 1);
  fleet.add("g0", "x", "a", 2, SlotUse::kFree, "cuda");
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1}, {.trial = 2, .ranks = 2}}});
  EXPECT_EQ(placed(result, 1), std::vector<size_t>{2});
  EXPECT_EQ(placed(result, 2), (std::vector<size_t>{0, 1}));
}

TEST(Plan, SmallTrialsTakeTheTightestWorld) {
  Fleet fleet;
  for (int rank = 0; rank < 4; ++rank) fleet.add(cat("x", rank), "x", "a", rank);
  fleet.add("y0", "y", "b", 0);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1}, {.trial = 2, .ranks = 4}}});
  EXPECT_EQ(placed(result, 1), std::vector<size_t>{4});
  EXPECT_EQ(placed(result, 2).size(), 4U);
}

TEST(Plan, QuarantinedSlotsAndHostsWithoutDataAreLeftOut) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0, SlotUse::kQuarantined);
  fleet.add("w1", "x", "b", 1);
  const Plan result =
      plan({.slots = fleet.slots, .wants = {{.trial = 1, .ranks = 1, .never_hosts = {"b"}}, {.trial = 2}}});
  EXPECT_TRUE(placed(result, 1).empty());
  EXPECT_EQ(placed(result, 2), std::vector<size_t>{1});
}

TEST(Plan, AnAvoidedWorkerGoesToTheNextInLine) {
  Fleet fleet;
  fleet.add("bad", "x", "a", 0);
  const Want burnt{.trial = 1, .avoid = {"bad"}};
  const Plan both = plan({.slots = fleet.slots, .wants = {burnt, {.trial = 2}}});
  EXPECT_EQ(placed(both, 1), std::vector<size_t>{});
  EXPECT_EQ(placed(both, 2), std::vector<size_t>{0});
  const Plan alone = plan({.slots = fleet.slots, .wants = {burnt}});
  EXPECT_EQ(placed(alone, 1), std::vector<size_t>{0}) << "nobody else wants it";
}

TEST(Plan, AGangThatAvoidsAWorkerIsNotStarvedByThoseBehindIt) {
  Fleet fleet;
  fleet.add("bad", "x", "a", 0);
  fleet.add("good", "x", "a", 1);
  const Want gang{.trial = 1, .ranks = 2, .avoid = {"bad"}};
  const Plan first = plan({.slots = fleet.slots, .wants = {gang, {.trial = 2}}});
  EXPECT_EQ(placed(first, 2).size(), 1U);
  EXPECT_EQ(first.blocked, 1);
  const Plan due = plan({.slots = fleet.slots, .wants = {gang, {.trial = 2}}, .reserve_for = 1});
  EXPECT_EQ(placed(due, 1).size(), 2U);
}

TEST(Plan, WithheldSlotsGoToTheGangOnceItFits) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  fleet.add("w1", "x", "a", 1, SlotUse::kBusy);
  Request request{.slots = fleet.slots, .wants = {{.trial = 9, .ranks = 2}, {.trial = 10}}, .reserve_for = 9};
  const Plan held = plan(request);
  EXPECT_TRUE(held.placements.empty());
  ASSERT_TRUE(held.reservation.has_value());
  EXPECT_EQ(held.reservation->withheld, std::vector<size_t>{0});
  EXPECT_EQ(held.blocked, 9);
  request.slots[1].use = SlotUse::kFree;
  const Plan started = plan(request);
  EXPECT_EQ(placed(started, 9).size(), 2U);
  EXPECT_FALSE(started.reservation.has_value());
}

TEST(Plan, AReservationStaysInItsWorld) {
  Fleet fleet;
  fleet.add("x0", "x", "a", 0, SlotUse::kBusy);
  fleet.add("x1", "x", "a", 1);
  fleet.add("x2", "x", "a", 2, SlotUse::kBusy);
  for (int rank = 0; rank < 3; ++rank)
    fleet.add(cat("y", rank), "y", "b", rank, rank < 2 ? SlotUse::kFree : SlotUse::kBusy);
  Request request{.slots = fleet.slots, .wants = {{.trial = 9, .ranks = 3}}, .reserve_for = 9};
  EXPECT_EQ(plan(request).reservation->world, "y") << "where it is nearest to fitting";
  request.reserved_world = "x";
  EXPECT_EQ(plan(request).reservation->world, "x");
}

TEST(Plan, TrialsAheadOfTheGangMayUseItsSlots) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  fleet.add("w1", "x", "a", 1, SlotUse::kBusy);
  const Plan result = plan({.slots = fleet.slots, .wants = {{.trial = 1}, {.trial = 9, .ranks = 2}}, .reserve_for = 9});
  EXPECT_EQ(placed(result, 1), std::vector<size_t>{0});
}

TEST(Plan, RandomFleetsNeverGiveASlotTwice) {
  const RandomStream random(7, "plan", "fleets");
  uint64_t drawn = 0;
  const auto pick = [&](uint32_t n) { return static_cast<int>(random.word(drawn++) % n); };
  for (int round = 0; round < 500; ++round) {
    Fleet fleet;
    for (int i = 0, n = 1 + pick(12); i < n; ++i) {
      fleet.add(cat("w", i), cat("world", pick(3)), cat("host", pick(3)), i, static_cast<SlotUse>(pick(3)),
                pick(4) == 0 ? "cuda" : "cpu");
    }
    Request request{.slots = fleet.slots, .wants = {}, .reserve_for = pick(2) ? 1 + pick(6) : 0};
    for (int i = 0; i < 6; ++i)
      request.wants.push_back({.trial = i + 1, .ranks = 1 + pick(4), .device = pick(3) ? "auto" : "cpu"});
    const Plan result = plan(request);
    std::set<size_t> used;
    for (const Placement& placement : result.placements) {
      const auto want = std::ranges::find(request.wants, placement.trial, &Want::trial);
      ASSERT_EQ(placement.slots.size(), static_cast<size_t>(want->ranks));
      for (const size_t slot : placement.slots) {
        EXPECT_EQ(request.slots[slot].use, SlotUse::kFree);
        EXPECT_TRUE(used.insert(slot).second) << "round " << round;
        EXPECT_EQ(request.slots[slot].world, request.slots[placement.slots[0]].world);
        EXPECT_EQ(request.slots[slot].device, request.slots[placement.slots[0]].device);
      }
    }
  }
}

TEST(WhyWaiting, NamesNumbersAndTheRemedy) {
  Fleet fleet;
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 4}, fleet.slots, 0, "worker"),
            "no worker is connected; start one with: mpirun -np 4 worker");
  fleet.add("w0", "x", "a", 0, SlotUse::kBusy);
  fleet.add("w1", "x", "a", 1);
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 8}, fleet.slots, 0, "worker --coordinator h:1"),
            "needs 8 slots in one MPI world; the largest has 2 (host a); start more with: mpirun -np 8 worker "
            "--coordinator h:1");
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 2}, fleet.slots, 1, "worker"),
            "waits for 2 free slots in one MPI world: 1 of 2 is free, at most 1 in one world; 1 trial is ahead of it "
            "in the queue");
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 1, .never_hosts = {"a"}}, fleet.slots, 0, "worker"),
            "its data is missing on a; put it there, or start a worker elsewhere with: mpirun -np 1 worker");
}

TEST(WhyWaiting, NamesTheWorkersWhoseReturnWouldMakeRoom) {
  Fleet fleet;
  fleet.add("w0", "x", "a", 0);
  fleet.add("w1", "x", "a", 1, SlotUse::kDrained);
  fleet.add("w2", "y", "b", 0, SlotUse::kDrained);
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 2}, fleet.slots, 0, "worker"),
            "needs 2 slots in one MPI world; the largest has 1 (host a); 1 worker is drained; use it again with: "
            "coordinator undrain w1");
  EXPECT_EQ(why_waiting({.trial = 1, .ranks = 3}, fleet.slots, 0, "worker"),
            "needs 3 slots in one MPI world; the largest has 1 (host a); start more with: mpirun -np 3 worker");
}

}  // namespace
}  // namespace autonorm::scheduler
