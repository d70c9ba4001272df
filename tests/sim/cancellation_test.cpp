// Large sweeps are cancelled in slices, as they are inserted: others go on in between, and a restart finishes the job.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using engine::SweepAction;
using Counts = std::map<TrialState, int64_t>;

struct Cancellation : ::testing::Test {
  Cancellation() : cluster(slices_of(10)) {}
  static ClusterOptions slices_of(int64_t trials) {
    ClusterOptions options;
    options.limits.slice = trials;
    return options;
  }
  // The first slice alone.
  void begin_cancel(const std::string& key = "key") {
    cluster.apply(engine::ActOnSweep{1000, SweepId(1), SweepAction::kCancel, key});
  }
  int64_t cancelled() { return cluster.sweep(SweepId(1)).counts[TrialState::kCancelled]; }

  FakeCluster cluster;
  config::Sweep big = make_sweep("big", 35);
};

TEST_F(Cancellation, ComesInSlicesAndNothingOfTheSweepStartsMeanwhile) {
  cluster.submit(big);
  begin_cancel();
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "cancelled") << "from the first slice on";
  EXPECT_EQ(cancelled(), 10);
  const WorkerId worker = cluster.add_worker();
  EXPECT_TRUE(only<fleet::Start>(cluster.take_messages(worker)).empty());
  EXPECT_TRUE(cluster.continue_submission());
  EXPECT_EQ(cancelled(), 20);
  EXPECT_TRUE(cluster.continue_submission());
  EXPECT_FALSE(cluster.continue_submission());
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kCancelled, 35}}));
}

TEST_F(Cancellation, IsAnsweredOnceAllIsDoneAndRepeatedGetsTheSameAnswer) {
  cluster.submit(big);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "key").trials_affected, 35);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "key").trials_affected, 35);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "another").trials_affected, 0);
}

TEST_F(Cancellation, ACallThatComesWhileItRunsWaitsForItsEnd) {
  cluster.submit(big);
  begin_cancel();
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "key").trials_affected, 35);
  EXPECT_EQ(cancelled(), 35);
}

TEST_F(Cancellation, ARunningTrialWeighsMoreThanAQueuedOne) {
  cluster.add_workers(4);
  cluster.submit(make_sweep("big", 4));
  begin_cancel();
  EXPECT_LT(cancelled(), 4);
  while (cluster.continue_submission()) continue;
  EXPECT_EQ(cancelled(), 4);
}

TEST_F(Cancellation, ARestartInTheMiddleFinishesIt) {
  cluster.submit(big);
  begin_cancel();
  cluster.restart();
  EXPECT_EQ(cancelled(), 10);
  while (cluster.continue_submission()) continue;
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kCancelled, 35}}));
}

TEST_F(Cancellation, ASubmissionInTheMiddleRevivesWhatIsGoneAndKeepsTheRest) {
  cluster.submit(big);
  begin_cancel();
  const engine::SubmitReply again = cluster.submit(big);
  EXPECT_EQ(again.revived, 10);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kQueued, 35}}));
  const WorkerId worker = cluster.add_worker();
  EXPECT_EQ(only<fleet::Start>(cluster.take_messages(worker)).size(), 1U);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel).trials_affected, 35);
}

TEST_F(Cancellation, ASubmissionInSlicesStandsInTheQueueAgainWithWhatAnotherSweepKeptThere) {
  cluster.submit(big);
  cluster.submit(make_sweep("small", 30));
  cluster.act(SweepId(1), SweepAction::kCancel);
  cluster.submit(big);  // 30 trials were never cancelled; the invariants look at them after its first slice
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kQueued, 35}}));
}

TEST_F(Cancellation, WhatAnotherSweepWantsStays) {
  cluster.submit(big);
  cluster.submit(make_sweep("small", 15));
  cluster.act(SweepId(1), SweepAction::kCancel);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kQueued, 15}, {TrialState::kCancelled, 20}}));
}

TEST_F(Cancellation, WatchersAreShownOnlyWhatIsActive) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(big);
  const auto active = cluster.engine().active_trials(SweepId(1));
  ASSERT_EQ(active.size(), 1U);
  EXPECT_EQ(active[0].workers, std::vector<WorkerId>{worker});
  cluster.act(SweepId(1), SweepAction::kCancel);
  EXPECT_TRUE(cluster.engine().active_trials(SweepId(1)).empty());
  EXPECT_TRUE(cluster.engine().active_trials(SweepId(7)).empty());
}

}  // namespace
}  // namespace autonorm::testing
