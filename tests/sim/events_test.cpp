// Sequence numbers, acknowledgements, checkpoints.
#include <gtest/gtest.h>

#include "coordinator/store/history_reader.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Events : ::testing::Test {
  void SetUp() override {
    worker = cluster.add_worker();
    cluster.submit(sweep);
    cluster.join_all(trial);
    key = cluster.key_at(worker, trial);
    cluster.take_messages(worker);
  }
  std::vector<report::Curve> curves() {
    auto reader = store::HistoryReader::open(cluster.directory());
    auto result = (*reader)->curves(trial.value());
    return result.value();
  }

  FakeCluster cluster;
  config::Sweep sweep = make_sweep("one", 1);
  TrialId trial = sweep.trials.front().id;
  WorkerId worker;
  fleet::AttemptKey key;
};

TEST_F(Events, EachIsAcknowledgedAfterItsCommit) {
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 10, 1.0}}});
  EXPECT_EQ(cluster.worker(worker).attempts.at(trial).acked, Seq(2));
}

TEST_F(Events, ADuplicateIsAcknowledgedAgainAndChangesNothing) {
  const fleet::Event event{key, Seq(2), fleet::Metrics{{{"loss", 10, 1.0}}}};
  cluster.deliver(worker, event);
  fleet::Event changed = event;
  changed.body = fleet::Metrics{{{"loss", 10, 99.0}}};
  cluster.deliver(worker, changed);
  ASSERT_EQ(curves().size(), 1U);
  EXPECT_EQ(curves()[0].points[0].value, 1.0);
  EXPECT_EQ(cluster.worker(worker).attempts.at(trial).acked, Seq(2));
}

TEST_F(Events, AGapBreaksTheConnectionSoThatTheWorkerSendsAgain) {
  cluster.change_worker(worker, [id = trial](FakeWorker& w) {
    FakeAttempt& attempt = w.attempts.at(id);
    attempt.events.push_back({attempt.key, Seq(2), fleet::Metrics{{{"loss", 10, 1.0}}}});
    attempt.events.push_back({attempt.key, Seq(3), fleet::Metrics{{{"loss", 20, 0.5}}}});
  });
  cluster.deliver(worker, cluster.worker(worker).attempts.at(trial).events[2]);
  EXPECT_FALSE(cluster.worker(worker).session.has_value());
  EXPECT_TRUE(curves().empty());
  cluster.connect(worker);
  ASSERT_EQ(curves().size(), 1U);
  EXPECT_EQ(curves()[0].points.size(), 2U);
  EXPECT_EQ(cluster.worker(worker).attempts.at(trial).acked, Seq(3));
}

TEST_F(Events, HistoriesHoldWhatNormsReportedAndWhoTrained) {
  cluster.emit(worker, trial, fleet::NormStats{{{"embed", 10, {{"gate_mean_layer", 0.4}}}}});
  cluster.emit(worker, trial, fleet::NormStats{{{"embed", 20, {{"gate_mean_layer", 0.6}}}}});
  cluster.finish(trial);
  auto reader = store::HistoryReader::open(cluster.directory());
  const auto histories = (*reader)->histories({trial});
  ASSERT_TRUE(histories.ok()) << histories.status().message();
  ASSERT_EQ(histories->size(), 1U);
  const report::TrialHistory& history = histories->front();
  ASSERT_EQ(history.norms.size(), 1U);
  EXPECT_EQ(history.norms[0].site, "embed");
  EXPECT_EQ(history.norms[0].name, "gate_mean_layer");
  ASSERT_EQ(history.norms[0].points.size(), 2U);
  EXPECT_EQ(history.norms[0].points[1].step, 20);
  EXPECT_EQ(history.norms[0].points[1].value, 0.6);
  ASSERT_EQ(history.attempts.size(), 1U);
  EXPECT_EQ(history.attempts[0].workers, std::vector<std::string>{worker.value()});
  EXPECT_EQ(history.attempts[0].end, EndReason::kCompleted);
  EXPECT_TRUE(history.attempts[0].running && history.attempts[0].ended);
  EXPECT_FALSE((*reader)->histories({TrialId(std::string(64, 'f'))}).ok());
  EXPECT_EQ((*reader)->source(SweepId(99)).status().code(), Code::kNotFound);
}

TEST_F(Events, AForgedTokenIsRefused) {
  fleet::AttemptKey forged = key;
  forged.token = Token(std::string(32, '0'));
  cluster.deliver(worker, {forged, Seq(2), fleet::Finished{}});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
}

TEST_F(Events, ACheckpointCountsOnlyWhenItsArtifactIsDurable) {
  const Sha256 manifest = artifact_hash("late");
  cluster.emit(worker, trial, fleet::CheckpointSaved{50, manifest, 8});
  cluster.fail(worker, trial, EndReason::kWorkerLost);
  cluster.free_slot(worker, trial);
  auto messages = cluster.take_messages(worker);
  EXPECT_FALSE(std::get<fleet::Start>(messages.back()).resume.has_value()) << "nothing to resume from";

  cluster.join_all(trial);
  cluster.emit(worker, trial, fleet::CheckpointSaved{60, artifact_hash("early"), 8});
  cluster.store_artifact(artifact_hash("early"));  // arrives after its event: counts from now on
  cluster.fail(worker, trial, EndReason::kWorkerLost);
  cluster.free_slot(worker, trial);
  messages = cluster.take_messages(worker);
  EXPECT_EQ(std::get<fleet::Start>(messages.back()).resume, (fleet::ResumePoint{artifact_hash("early"), 60}));
}

TEST_F(Events, ACurveIsStitchedFromItsAttempts) {
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 10, 1.0}, {"loss", 20, 0.9}}});
  cluster.checkpoint(trial, 20);
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 30, 0.8}, {"loss", 40, 0.7}}});
  cluster.fail(worker, trial, EndReason::kTrainerCrashed);
  cluster.free_slot(worker, trial);
  cluster.join_all(trial);
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 30, 0.81}, {"loss", 40, 0.71}, {"loss", 50, 0.6}}});
  cluster.finish(trial);
  const std::vector<report::Curve> found = curves();
  ASSERT_EQ(found.size(), 1U);
  std::vector<std::tuple<int64_t, double, int>> points;
  for (const report::CurvePoint& p : found[0].points) points.emplace_back(p.step, p.value, p.attempt);
  EXPECT_EQ(points, (std::vector<std::tuple<int64_t, double, int>>{
                        {10, 1.0, 1}, {20, 0.9, 1}, {30, 0.81, 2}, {40, 0.71, 2}, {50, 0.6, 2}}));
}

TEST_F(Events, WhatTricklesInAfterTheEndIsAcknowledgedAndDropped) {
  cluster.finish(trial);
  cluster.change_worker(worker, [id = trial, old = key](FakeWorker& w) {
    w.attempts[id] = FakeAttempt{.key = old, .events = {}, .acked = {}};
  });
  cluster.take_messages(worker);
  cluster.deliver(worker, {key, Seq(9), fleet::LogLine{"info", "bye"}});
  EXPECT_EQ(cluster.worker(worker).attempts.at(trial).acked, Seq(9));
  EXPECT_TRUE(cluster.take_messages(worker).empty()) << "no kill: the attempt ended well";
}

TEST_F(Events, MessagesOfAClosedSessionChangeNothing) {
  const SessionId old = *cluster.worker(worker).session;
  cluster.connect(worker);
  cluster.apply(engine::WorkerMessage{old, fleet::Event{key, Seq(2), fleet::Finished{}}});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
}

}  // namespace
}  // namespace autonorm::testing
