// run.timeout_s bounds the training time that a trial keeps: it goes on over restarts of the coordinator and over
// attempts, as far as these kept what they trained. Each story is told again with a restart at every event.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Timeout : ::testing::Test {
  // Steps of 500 ms, so that the end is exact.
  void expect_end_after(std::chrono::milliseconds span) {
    cluster.advance(span - 500ms);
    EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
    cluster.advance(500ms);
    EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
    EXPECT_EQ(cluster.trial(trial).end, EndReason::kTimeout);
  }
  void come_back() {
    cluster.restart();
    cluster.reconnect_all();
  }
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("timed", {{.variant = "A", .timeout_s = 60}});
  TrialId trial = sweep.trials.front().id;
};

TEST_F(Timeout, GoesOnWhereItWasWhenTheCoordinatorComesBack) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(40s);
  come_back();
  cluster.advance(10s);
  come_back();
  expect_end_after(10s);
  EXPECT_EQ(cluster.reason(trial), "timeout: it ran for more than its timeout of 60 s");
}

TEST_F(Timeout, NeitherAWallClockThatJumpsNorARestartAfterItChangesIt) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(20s);
  for (const auto jump : {std::chrono::hours(1), std::chrono::hours(-3)}) {
    cluster.jump_wall_clock(jump);
    come_back();
    cluster.advance(10s);
    EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  }
  expect_end_after(20s);
}

TEST_F(Timeout, TheWallClockTellsHowLongItTrainedWhenTheMachineWasStartedAnew) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(40s);
  cluster.reboot();
  cluster.reconnect_all();
  expect_end_after(20s);
}

TEST_F(Timeout, TimeWithoutACoordinatorCountsButAResultFromThenIsTaken) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(50s);
  cluster.disconnect(worker);
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.7}};
  cluster.emit(worker, trial, finished);  // into its spool: nobody hears it
  cluster.advance(14s);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning) << "its result may be on the way";
  cluster.connect(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(Timeout, ALeaderThatWasAwayAndStillTrainsIsEndedWhenItIsBack) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(50s);
  cluster.disconnect(worker);
  cluster.advance(14s);
  cluster.connect(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.advance(500ms);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kTimeout);
}

TEST_F(Timeout, WhatAnAttemptKeptCountsInTheNextOne) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(40s);
  cluster.checkpoint(trial, 400);
  cluster.fail(worker, trial, EndReason::kPreempted);
  cluster.free_slot(worker, trial);
  cluster.advance(100s);  // waiting, starting: no training
  cluster.join_all(trial);
  expect_end_after(20s);
  EXPECT_EQ(cluster.reason(trial),
            "timeout: it ran for more than its timeout of 60 s, 40 s of them in earlier attempts");
}

TEST_F(Timeout, WhatAnAttemptLostDoesNot) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(10s);
  cluster.checkpoint(trial, 100);
  cluster.advance(40s);
  cluster.fail(worker, trial, EndReason::kTrainerCrashed);
  cluster.free_slot(worker, trial);
  cluster.join_all(trial);
  come_back();
  expect_end_after(50s);
}

TEST_F(Timeout, ARetryHasAllOfItAgain) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(30s);
  cluster.checkpoint(trial, 300);
  cluster.advance(30s);
  ASSERT_EQ(cluster.trial(trial).end, EndReason::kTimeout);
  cluster.free_slot(worker, trial);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1)}).trials_affected, 1);
  cluster.join_all(trial);
  expect_end_after(60s);
}

TEST_F(Timeout, ExplainSaysHowMuchOfItIsUsed) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.advance(25s);
  come_back();
  const auto found = cluster.engine().explain(trial.value(), cluster.now());
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->lines.at(2), "  has trained for 25 s; its timeout ends it at 60 s");
}

}  // namespace
}  // namespace autonorm::testing
