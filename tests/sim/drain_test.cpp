// Workers that people take out of use.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct DrainedWorkers : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("study", 3);
  TrialId trial(size_t i) const { return sweep.trials[i].id; }
};

TEST_F(DrainedWorkers, TheRunningTrialFinishesAndNothingNewComes) {
  const WorkerId a = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial(0));
  cluster.take_messages(a);
  const engine::ActReply reply = cluster.drain("w0", engine::Drain::kAfterTrial);
  EXPECT_EQ(reply.workers_affected, 1);
  EXPECT_EQ(reply.trials_affected, 1);
  EXPECT_EQ(cluster.worker_view(a).state, "draining");
  EXPECT_TRUE(cluster.take_messages(a).empty()) << "its trial goes on";
  cluster.finish(trial(0));
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kSucceeded);
  EXPECT_EQ(cluster.worker_view(a).state, "drained");
  EXPECT_EQ(cluster.worker_view(a).reason, "nothing starts here until: coordinator undrain w0");
  cluster.advance(60s);
  EXPECT_TRUE(cluster.take_messages(a).empty());
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kNo).workers_affected, 1);
  EXPECT_EQ(only<fleet::Start>(cluster.take_messages(a)).size(), 1U);
}

TEST_F(DrainedWorkers, NowMovesTheTrialToAnotherWorkerFromItsCheckpointAndCountsNoFailure) {
  const WorkerId a = cluster.add_worker();
  cluster.submit(make_sweep("one", 1));
  cluster.join_all(trial(0));
  cluster.take_messages(a);
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kNow).trials_affected, 1);
  const auto stops = only<fleet::Stop>(cluster.take_messages(a));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kCheckpointThenStop);
  EXPECT_EQ(stops[0].reason, EndReason::kPreempted);
  EXPECT_EQ(stops[0].text, "worker w0 on a is being drained");
  EXPECT_EQ(cluster.reason(trial(0)), "writes a checkpoint and stops: worker w0 on a is being drained");
  cluster.checkpoint(trial(0), 40);
  cluster.fail(a, trial(0), EndReason::kPreempted, "stopped at step 40");
  cluster.free_slot(a, trial(0));
  const WorkerId b = cluster.add_worker({.host = "b"});
  const auto starts = only<fleet::Start>(cluster.take_messages(b));
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].resume->step, 40);
  cluster.run_to_end(trial(0));
  EXPECT_EQ(cluster.trial(trial(0)).attempt, Attempt(2));
}

TEST_F(DrainedWorkers, OutlivesRestartsOfCoordinatorAndWorker) {
  const WorkerId a = cluster.add_worker();
  cluster.drain("w0", engine::Drain::kAfterTrial);
  cluster.restart();
  cluster.submit(sweep);
  EXPECT_EQ(cluster.worker_view(a).state, "lost");
  cluster.reconnect_all();
  EXPECT_EQ(cluster.worker_view(a).state, "drained");
  cluster.restart_worker(a);
  EXPECT_EQ(cluster.worker_view(a).state, "drained");
  cluster.disconnect(a);
  cluster.advance(std::chrono::hours(1));
  cluster.connect(a);
  EXPECT_EQ(cluster.worker_view(a).state, "drained") << "it is not forgotten while it is away";
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts.at(TrialState::kQueued), 3);
}

TEST_F(DrainedWorkers, NowIsAskedForAgainAfterARestart) {
  const WorkerId a = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial(0));
  cluster.drain("w0", engine::Drain::kNow);
  cluster.take_messages(a);
  cluster.restart();
  cluster.reconnect_all();
  const auto stops = only<fleet::Stop>(cluster.take_messages(a));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kCheckpointThenStop);
  EXPECT_EQ(stops[0].text, "worker w0 on a is being drained");
}

TEST_F(DrainedWorkers, AGangLeavesAsAWholeWhenOneOfItsWorkersIsDrainedNow) {
  const auto workers = cluster.add_workers(2);
  const config::Sweep gang = make_sweep("gang", {{.variant = "pair", .ranks = 2}});
  cluster.submit(gang);
  cluster.join_all(gang.trials[0].id);
  for (const WorkerId& id : workers) cluster.take_messages(id);
  cluster.drain("w1", engine::Drain::kNow);
  for (const WorkerId& id : workers) EXPECT_EQ(only<fleet::Stop>(cluster.take_messages(id)).size(), 1U);
}

TEST_F(DrainedWorkers, AHostMeansAllItsWorkersAndAnUnknownWordIsExplained) {
  cluster.add_workers(2, {.host = "alpha"});
  cluster.add_worker({.name = "far", .host = "beta"});
  EXPECT_EQ(cluster.drain("alpha", engine::Drain::kAfterTrial).workers_affected, 2);
  EXPECT_EQ(cluster.drain("alpha", engine::Drain::kAfterTrial).workers_affected, 0) << "they are drained already";
  EXPECT_EQ(cluster.drain("fa", engine::Drain::kAfterTrial).workers_affected, 1);
  EXPECT_EQ(cluster.drain("alhpa", engine::Drain::kNo).status.message(),
            "no worker and no host is called 'alhpa'; did you mean 'alpha'?");
  EXPECT_EQ(cluster.drain("w", engine::Drain::kNo).status.message(),
            "'w' is the start of 2 workers, among them w0 and w1; give more of the id, or a host");
  EXPECT_EQ(cluster.drain("", engine::Drain::kNo).status.message(),
            "which worker? give its id, the start of it, or a host (see: coordinator workers)");
}

TEST_F(DrainedWorkers, AHostsWorkersThatHaveLeftAreNotMeant) {
  const std::vector<WorkerId> workers = cluster.add_workers(2, {.host = "alpha"});
  cluster.say(workers[0], fleet::Goodbye{"done"});
  EXPECT_EQ(cluster.drain("alpha", engine::Drain::kAfterTrial).workers_affected, 1);
  EXPECT_EQ(cluster.worker_view(workers[1]).state, "drained");
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kAfterTrial).workers_affected, 1) << "named, it is drained all the same";
  EXPECT_EQ(cluster.drain("alpha", engine::Drain::kNo).workers_affected, 2);
}

TEST_F(DrainedWorkers, TheSameKeyAgainChangesNothing) {
  const WorkerId a = cluster.add_worker();
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kAfterTrial, "d1").workers_affected, 1);
  cluster.drain("w0", engine::Drain::kNo);
  cluster.restart();
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kAfterTrial, "d1").workers_affected, 1);
  cluster.reconnect_all();
  EXPECT_EQ(cluster.worker_view(a).state, "idle");
}

}  // namespace
}  // namespace autonorm::testing
