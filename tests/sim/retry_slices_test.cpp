// Many trials are retried in slices, as they are inserted and cancelled: others go on in between, and a restart
// finishes the job.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using Counts = std::map<TrialState, int64_t>;

// 11 students of one teacher: all have failed once it has.
struct RetrySlices : ::testing::Test {
  RetrySlices() : cluster(slices_of(4)) {
    cluster.submit(sweep);
    cluster.join_all(teacher());
    cluster.fail(worker, teacher(), EndReason::kBadConfig, "dim must divide by heads");
    cluster.free_slot(worker, teacher());
    EXPECT_EQ(counts(), (Counts{{TrialState::kFailed, 12}}));
  }
  static ClusterOptions slices_of(int64_t trials) {
    ClusterOptions options;
    options.limits.slice = trials;
    return options;
  }
  static config::Sweep staged() {
    std::vector<TrialSpec> specs;
    for (int i = 0; i < 11; ++i) specs.push_back({.variant = cat("student ", i), .stage = "teacher"});
    return make_sweep("staged", specs);
  }
  TrialId teacher() const { return sweep.trials[0].id; }
  Counts counts() { return cluster.sweep(SweepId(1)).counts; }
  int64_t failed() { return counts()[TrialState::kFailed]; }
  // The first slice alone.
  void begin(const std::string& key = "key") {
    cluster.apply(engine::RetryTrials{.request = 1000, .sweep = SweepId(1), .idempotency_key = key});
  }
  void finish() {
    while (cluster.continue_submission()) continue;
  }
  const Counts all_again{{TrialState::kWaiting, 11}, {TrialState::kAssigned, 1}};

  FakeCluster cluster;
  config::Sweep sweep = staged();
  WorkerId worker = cluster.add_worker();
};

TEST_F(RetrySlices, OthersGoOnBetweenThem) {
  begin();
  EXPECT_EQ(failed(), 8);
  EXPECT_EQ(cluster.state(teacher()), TrialState::kAssigned) << "it need not wait for the last slice";
  cluster.advance(500ms);
  EXPECT_EQ(failed(), 8);
  EXPECT_TRUE(cluster.continue_submission());
  EXPECT_EQ(failed(), 4);
  finish();
  EXPECT_EQ(counts(), all_again);
}

TEST_F(RetrySlices, AreAnsweredOnceAllIsDoneAndTheSameKeyGetsTheSameAnswer) {
  begin();
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "key"}).trials_affected, 12);
  EXPECT_EQ(counts(), all_again);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "key"}).trials_affected, 12);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "another"}).trials_affected, 0);
}

TEST_F(RetrySlices, ARestartInTheMiddleGoesOnWithThem) {
  begin();
  cluster.restart();
  EXPECT_EQ(failed(), 8);
  finish();
  cluster.connect(worker);
  EXPECT_EQ(counts(), all_again);
  cluster.restart();
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "key"}).trials_affected, 12)
      << "the answer is kept, and no trial was counted twice";
}

TEST_F(RetrySlices, ATrialThatIsNamedBringsInSlicesWhatFailedWithIt) {
  cluster.apply(engine::RetryTrials{.request = 1000, .trial = sweep.trials[7].id.value()});
  EXPECT_GT(failed(), 0);
  cluster.restart();
  finish();
  cluster.connect(worker);
  EXPECT_EQ(counts(), all_again);
}

TEST_F(RetrySlices, ACancellationInBetweenWins) {
  cluster.restarts_matter("after one the other slices come before the cancellation");
  begin();
  EXPECT_TRUE(cluster.act(SweepId(1), engine::SweepAction::kCancel).status.ok());
  finish();
  EXPECT_EQ(counts(), (Counts{{TrialState::kFailed, 8}, {TrialState::kCancelled, 4}}));
}

}  // namespace
}  // namespace autonorm::testing
