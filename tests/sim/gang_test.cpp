// Trials on several ranks: all or nothing, one world, one loss ends all.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Gang : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("gang", {{.variant = "A", .ranks = 2}});
  TrialId trial = sweep.trials.front().id;
};

TEST_F(Gang, EveryMemberGetsItsRankAndTheOthersTheLeadersEndpoint) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  const auto leader = only<fleet::Start>(cluster.take_messages(workers[0]));
  const auto other = only<fleet::Start>(cluster.take_messages(workers[1]));
  ASSERT_EQ(leader.size(), 1U);
  ASSERT_EQ(other.size(), 1U);
  EXPECT_EQ(leader[0].gang.rank, 0);
  EXPECT_EQ(other[0].gang.rank, 1);
  EXPECT_EQ(leader[0].gang.members, (std::vector<fleet::GangMember>{{workers[0], 0, "a"}, {workers[1], 1, "a"}}));
  EXPECT_EQ(leader[0].gang.members, other[0].gang.members);
  EXPECT_NE(leader[0].gang.tag, 0);
  EXPECT_EQ(leader[0].gang.tag, other[0].gang.tag);
  EXPECT_EQ(leader[0].key, other[0].key);

  cluster.emit(workers[0], trial, fleet::Ready{"listening", "0.0.0.0:4000"});
  EXPECT_TRUE(cluster.take_messages(workers[0]).empty()) << "the leader knows its own endpoint";
  EXPECT_EQ(cluster.take_messages(workers[1]),
            (std::vector<fleet::ToWorker>{fleet::Rendezvous{leader[0].key, "a.example:4000"}}));
  cluster.emit(workers[0], trial, fleet::Ready{"joined", ""});
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
  cluster.emit(workers[1], trial, fleet::Ready{"joined", ""});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.finish(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.worker_view(workers[1]).state, "idle");
}

TEST_F(Gang, OneSlotIsNotEnoughAndNothingIsSent) {
  const auto workers = cluster.add_workers(1);
  cluster.submit(sweep);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_TRUE(only<fleet::Start>(cluster.take_messages(workers[0])).empty());
}

TEST_F(Gang, TwoWorldsOfOneSlotAreNotAGang) {
  cluster.add_worker({.world = "x"});
  cluster.add_worker({.world = "y"});
  cluster.submit(sweep);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.reason(trial),
            "needs 2 slots in one MPI world; the largest has 1 (host a); start more with: mpirun -np 2 worker");
}

TEST_F(Gang, LosingOneMemberRequeuesTheTrialOnceAndStopsTheOther) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(workers[0], trial);
  cluster.take_messages(workers[0]);
  cluster.silence(workers[1]);
  cluster.advance(15s);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  const auto stops = only<fleet::Stop>(cluster.take_messages(workers[0]));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].key, key);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kKill);
  EXPECT_EQ(stops[0].reason, EndReason::kWorkerLost);
  EXPECT_EQ(stops[0].text, "worker w1 on a was lost: no message for 15 s");
  EXPECT_EQ(cluster.worker_view(workers[0]).state, "busy") << "until its trainer is gone";
  cluster.free_slot(workers[0], trial);
  EXPECT_EQ(cluster.worker_view(workers[0]).state, "idle");
  EXPECT_EQ(cluster.worker_view(workers[1]).state, "lost");
}

TEST_F(Gang, AFailureOfAnyRankEndsTheWholeAttempt) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.take_messages(workers[0]);
  cluster.fail(workers[1], trial, EndReason::kTrainerCrashed, "signal 9");
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(only<fleet::Stop>(cluster.take_messages(workers[0])).size(), 1U);
  // A late report of the other rank about the same attempt changes nothing.
  cluster.fail(workers[0], trial, EndReason::kCollectiveAborted, "peer lost");
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  for (const WorkerId& id : workers) cluster.free_slot(id, trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2));
}

TEST_F(Gang, TheNextAttemptHasAnotherTagAndToken) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.join_all(trial);
  const auto first = only<fleet::Start>(cluster.take_messages(workers[0]));
  cluster.fail(workers[1], trial, EndReason::kCollectiveAborted);
  for (const WorkerId& id : workers) cluster.free_slot(id, trial);
  const auto second = only<fleet::Start>(cluster.take_messages(workers[0]));
  ASSERT_EQ(second.size(), 1U);
  EXPECT_NE(first[0].gang.tag, second[0].gang.tag);
  EXPECT_NE(first[0].key.token, second[0].key.token);
}

TEST_F(Gang, AStartThatTakesTooLongIsNamedAndTriedAgain) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.emit(workers[0], trial, fleet::Ready{"listening", "h:1"});
  cluster.emit(workers[0], trial, fleet::Ready{"joined", ""});
  cluster.advance(119s);
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
  cluster.advance(1s);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kStalled);
  EXPECT_NE(cluster.reason(trial).find("the start took more than 120 s: rank 1 (worker w1 on a) had not joined"),
            std::string::npos)
      << cluster.reason(trial);
}

TEST_F(Gang, TheLeadersResultMayOvertakeAnotherRanksReady) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.emit(workers[0], trial, fleet::Ready{"listening", "h:1"});
  cluster.emit(workers[0], trial, fleet::Ready{"joined", ""});
  cluster.disconnect(workers[1]);
  cluster.finish(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(Gang, AHeldUpGangReservesSlotsSoThatSmallTrialsCannotStarveIt) {
  std::vector<TrialSpec> specs;
  for (uint64_t seed = 0; seed < 2; ++seed) specs.push_back({.variant = "first", .seed = seed});
  specs.push_back({.variant = "gang", .ranks = 2});
  for (uint64_t seed = 0; seed < 6; ++seed) specs.push_back({.variant = "later", .seed = seed});
  const config::Sweep mixed = make_sweep("mixed", specs);
  const TrialId big = mixed.trials[2].id;
  const auto workers = cluster.add_workers(2);
  cluster.submit(mixed);
  cluster.run_to_end(mixed.trials[0].id);  // its slot goes to a later small trial: the gang does not fit
  EXPECT_EQ(cluster.state(mixed.trials[3].id), TrialState::kAssigned);
  cluster.advance(31s);
  cluster.run_to_end(mixed.trials[1].id);
  EXPECT_EQ(cluster.state(mixed.trials[4].id), TrialState::kQueued) << "the free slot is kept";
  EXPECT_EQ(cluster.worker_view(workers[1]).state, "reserved");
  cluster.run_to_end(mixed.trials[3].id);
  EXPECT_EQ(cluster.state(big), TrialState::kAssigned);
}

TEST_F(Gang, AnImpossibleGangReservesNothing) {
  const config::Sweep mixed =
      make_sweep("mixed", {{.variant = "gang", .ranks = 8}, {.variant = "a"}, {.variant = "b"}, {.variant = "c"}});
  cluster.add_workers(2);
  cluster.submit(mixed);
  cluster.advance(60s);
  cluster.run_to_end(mixed.trials[1].id);
  EXPECT_EQ(cluster.state(mixed.trials[3].id), TrialState::kAssigned);
  EXPECT_EQ(cluster.state(mixed.trials[0].id), TrialState::kQueued);
}

TEST_F(Gang, DevicesAreMatched) {
  cluster.add_worker({.device = "cpu"});
  const WorkerId gpu = cluster.add_worker({.device = "cuda"});
  const config::Sweep devices = make_sweep("devices", {{.variant = "gpu only", .seed = 0, .device = "cuda"},
                                                       {.variant = "gpu only", .seed = 1, .device = "cuda"},
                                                       {.variant = "any"}});
  cluster.submit(devices);
  EXPECT_EQ(cluster.member(devices.trials[0].id), gpu);
  EXPECT_EQ(cluster.state(devices.trials[1].id), TrialState::kQueued);
  EXPECT_EQ(cluster.reason(devices.trials[1].id), "waits for a free slot: 1 of 1 is busy; it is the next in the queue");
  EXPECT_EQ(cluster.state(devices.trials[2].id), TrialState::kAssigned);
}

// Found by T7: with a stall timeout shorter than another rank's evaluation, the waiting rank was taken for stalled.
TEST_F(Gang, IsNoStallWhileAnyRankIsInAPhaseWithoutSteps) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.join_all(trial);
  const auto report = [&](size_t rank, const std::string& phase) {
    const fleet::AttemptKey key = cluster.key_at(workers[rank], trial);
    cluster.say(workers[rank], fleet::Heartbeat{{{key, 7, 100, phase, 1.0, 10.0, 100}}});
  };
  for (int minute = 0; minute < 15; ++minute) {
    cluster.advance(60s);
    report(0, "training");
    report(1, "checkpointing");
  }
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  for (int minute = 0; minute < 10; ++minute) {
    report(0, "training");
    report(1, "training");
    cluster.advance(60s);
  }
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kStalled);
}

}  // namespace
}  // namespace autonorm::testing
