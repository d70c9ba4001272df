// One trial from submission to result, message by message.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/store/history_reader.h"
#include "coordinator/store/report_reader.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using Messages = std::vector<fleet::ToWorker>;

TEST(HappyPath, ATrialGoesThroughItsStatesWithExactlyTheseMessages) {
  FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const auto welcome = cluster.take_messages(worker);
  ASSERT_EQ(welcome,
            (Messages{fleet::Welcome{.epoch = 1, .coordinator_build = "0.1.0", .keep = {}, .kill = {}, .acked = {}}}));

  const config::Sweep sweep = make_sweep("one", 1);
  const engine::SubmitReply reply = cluster.submit(sweep);
  EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.sweep, SweepId(1));
  EXPECT_FALSE(reply.existed);
  EXPECT_EQ(reply.new_trials, 1);
  const TrialId trial = sweep.trials.front().id;
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);

  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  EXPECT_EQ(key.attempt, Attempt(1));
  EXPECT_EQ(key.token.value().size(), 32U);
  fleet::Start start;
  start.key = key;
  start.gang.members = {{worker, 0, "a"}};
  EXPECT_EQ(cluster.take_messages(worker), (Messages{start}));

  cluster.emit(worker, trial, fleet::Ready{"joined", ""});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.emit(worker, trial, fleet::Metrics{{{"train/loss", 10, 2.3}, {"train/loss", 20, 1.9}}});
  cluster.finish(trial, 0.95);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.sweep(reply.sweep).state, "done");
  EXPECT_EQ(cluster.take_messages(worker), Messages{}) << "nothing else is sent";
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
}

TEST(HappyPath, TheReportReaderFindsResultFactsAndCurve) {
  FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = make_sweep("one", 1);
  cluster.submit(sweep);
  const TrialId trial = sweep.trials.front().id;
  cluster.join_all(trial);
  cluster.emit(worker, trial, fleet::Metrics{{{"train/loss", 10, 2.5}}});
  cluster.advance(3s);
  cluster.finish(trial, 0.95);

  auto reader = store::ReportReader::open(cluster.directory());
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  const auto data = (*reader)->report(SweepId(1));
  ASSERT_TRUE(data.ok()) << data.status().message();
  EXPECT_EQ(data->sweep.name, "one");
  EXPECT_EQ(data->sweep.variants, std::vector<std::string>{"A"});
  ASSERT_EQ(data->trials.size(), 1U);
  const report::TrialRow& row = data->trials.front();
  EXPECT_EQ(row.trial, trial);
  EXPECT_EQ(row.state, TrialState::kSucceeded);
  EXPECT_EQ(row.end, EndReason::kCompleted);
  EXPECT_EQ(row.attempts, 1);
  EXPECT_EQ(row.results, (report::Results{{"test/accuracy", 0.95}}));
  EXPECT_EQ(*report::fact_of(row, "weights_sha256"), "abc");
  EXPECT_EQ(row.initial->at("head.weight [10, 64]"), "def");
  EXPECT_DOUBLE_EQ(row.duration_s, 3.0);
  EXPECT_EQ(*row.worker, worker.value());
  EXPECT_EQ(*row.device, "cpu device");
  auto history = store::HistoryReader::open(cluster.directory());
  const auto curves = (*history)->curves(trial.value().substr(0, 12));
  ASSERT_TRUE(curves.ok());
  ASSERT_EQ(curves->size(), 1U);
  EXPECT_EQ(curves->front().metric, "train/loss");
  ASSERT_EQ(curves->front().points.size(), 1U);
  EXPECT_EQ(curves->front().points.front().value, 2.5);
}

TEST(HappyPath, ADivergedTrialIsAResultAndFreesItsSlot) {
  FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = make_sweep("one", 1);
  cluster.submit(sweep);
  const TrialId trial = sweep.trials.front().id;
  cluster.join_all(trial);
  fleet::Finished diverged;
  diverged.reason = EndReason::kDiverged;
  diverged.results = {{"test/accuracy", std::numeric_limits<double>::quiet_NaN()}};
  cluster.emit(worker, trial, diverged);
  cluster.free_slot(worker, trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kDiverged);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(1));
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
  EXPECT_TRUE(cluster.engine().finished_trials({trial}).contains(trial));
}

TEST(HappyPath, AWorkerThatArrivesAfterTheSubmissionGetsTheWork) {
  FakeCluster cluster;
  const config::Sweep sweep = make_sweep("one", 3);
  cluster.submit(sweep);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (std::map<TrialState, int64_t>{{TrialState::kQueued, 3}}));
  const auto workers = cluster.add_workers(2);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts,
            (std::map<TrialState, int64_t>{{TrialState::kQueued, 1}, {TrialState::kAssigned, 2}}));
  for (const auto& planned : sweep.trials) cluster.run_to_end(planned.id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (std::map<TrialState, int64_t>{{TrialState::kSucceeded, 3}}));
}

TEST(HappyPath, ProgressOfRankZeroShowsInTheTrialsView) {
  FakeCluster cluster;
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = make_sweep("one", 1);
  cluster.submit(sweep);
  const TrialId trial = sweep.trials.front().id;
  cluster.join_all(trial);
  cluster.say(worker, fleet::Heartbeat{{{cluster.key_at(worker, trial), 40, 100, "training", 0.5, 1200.0, 100}}});
  const engine::TrialView view = cluster.trial(trial);
  EXPECT_EQ(view.step, 40);
  EXPECT_EQ(view.total_steps, 100);
  EXPECT_EQ(view.phase, "training");
  EXPECT_EQ(view.loss, 0.5);
  EXPECT_EQ(view.samples_per_s, 1200.0);
  EXPECT_EQ(view.host, "a");
}

TEST(HappyPath, HigherPriorityStartsFirstThenOrderOfSubmission) {
  FakeCluster cluster;
  const config::Sweep sweep = make_sweep(
      "mixed", {{.variant = "low", .seed = 0}, {.variant = "low", .seed = 1}, {.variant = "high", .priority = 5}});
  cluster.submit(sweep);
  const WorkerId worker = cluster.add_worker();
  EXPECT_EQ(cluster.state(sweep.trials[2].id), TrialState::kAssigned);
  cluster.run_to_end(sweep.trials[2].id);
  EXPECT_EQ(cluster.state(sweep.trials[0].id), TrialState::kAssigned);
  EXPECT_EQ(cluster.state(sweep.trials[1].id), TrialState::kQueued);
}

}  // namespace
}  // namespace autonorm::testing
