// A checkpoint or a model that is damaged in the coordinator's own store: its trial is not at fault and goes on from an
// older one, or anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "coordinator/store/history_reader.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using ::testing::HasSubstr;

struct CheckpointDamage : ::testing::Test {
  // The Start that the trial's attempt was sent last.
  fleet::Start start_of(const TrialId& id) {
    fleet::Start start;
    for (const fleet::Start& sent : only<fleet::Start>(cluster.worker(worker).inbox)) {
      if (sent.key.trial == id) start = sent;
    }
    return start;
  }
  std::optional<int64_t> begins_from(const TrialId& id) {
    const auto resume = start_of(id).resume;
    return resume ? std::optional(resume->step) : std::nullopt;
  }
  // What explain and logs show of it.
  std::string last_failure(const TrialId& id) {
    const auto end = cluster.store().last_failure(id);
    return end.ok() && *end ? (*end)->message : "";
  }
  void lose(const TrialId& id) {
    cluster.fail(worker, id, EndReason::kWorkerLost, "gone");
    cluster.free_slot(worker, id);
  }
  // What a worker says when the coordinator sends it something that cannot be read.
  void refuse(const TrialId& id, const Sha256& manifest) {
    fleet::Failed failed;
    failed.reason = EndReason::kDataCorrupt;
    failed.message = "fetching checkpoints/step: artifact is damaged";
    failed.unusable = manifest;
    cluster.emit(worker, id, failed);
    cluster.free_slot(worker, id);
  }
  void refuse_checkpoint(const TrialId& id) { refuse(id, start_of(id).resume.value().manifest); }

  FakeCluster cluster;
  WorkerId worker = cluster.add_worker();
  config::Sweep one = make_sweep("one", {{.variant = "A", .max_attempts = 1}});
  TrialId trial = one.trials[0].id;
};

TEST_F(CheckpointDamage, InTheCoordinatorsStoreFallsBackToTheOneBefore) {
  cluster.submit(one);
  cluster.join_all(trial);
  for (const int64_t step : {10, 20, 30}) cluster.checkpoint(trial, step);
  lose(trial);
  EXPECT_EQ(begins_from(trial), 30);
  refuse_checkpoint(trial);
  EXPECT_EQ(begins_from(trial), 20);
  EXPECT_THAT(last_failure(trial), HasSubstr("the checkpoint of step 30 is passed over, the next attempt begins from "
                                             "step 20"));
  cluster.restart();
  cluster.connect(worker);
  cluster.join_all(trial);
  lose(trial);
  EXPECT_EQ(begins_from(trial), 20) << "the damaged one does not come back";
  refuse_checkpoint(trial);
  EXPECT_EQ(begins_from(trial), 10);
  cluster.run_to_end(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(CheckpointDamage, TheCurveHasEachStepOnceAlsoWhereTrainingWentBackTwice) {
  cluster.submit(one);
  cluster.join_all(trial);
  for (const int64_t step : {10, 20, 30}) {
    cluster.emit(worker, trial, fleet::Metrics{{{"loss", step, 1.0}}});
    cluster.checkpoint(trial, step);
  }
  lose(trial);
  refuse_checkpoint(trial);  // goes on from step 20, behind where the attempt before began
  cluster.join_all(trial);
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 30, 0.5}}});
  cluster.finish(trial);
  auto reader = store::HistoryReader::open(cluster.directory());
  const auto curves = (*reader)->curves(trial.value());
  ASSERT_TRUE(curves.ok()) << curves.status().message();
  ASSERT_EQ(curves->size(), 1U);
  ASSERT_EQ(curves->front().points.size(), 3U);
  EXPECT_EQ(curves->front().points[2].value, 0.5) << "of the attempt that went on";
}

TEST_F(CheckpointDamage, OfTheOnlyOneBeginsAnewAndCountsAsNoFailure) {
  cluster.submit(one);
  cluster.join_all(trial);
  cluster.checkpoint(trial, 10);
  lose(trial);
  refuse_checkpoint(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
  EXPECT_EQ(begins_from(trial), std::nullopt);
  EXPECT_THAT(last_failure(trial), HasSubstr("the checkpoint of step 10 is passed over, the next attempt begins anew"));
  // The same training writes the same checkpoint again.
  cluster.join_all(trial);
  cluster.checkpoint(trial, 10);
  lose(trial);
  EXPECT_EQ(begins_from(trial), 10);
  cluster.run_to_end(trial);
}

TEST_F(CheckpointDamage, OfWhatTheAttemptDidNotBeginFromIsAFailureOfItsOwn) {
  cluster.submit(one);
  refuse(trial, Sha256(std::string(64, 'a')));
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
}

TEST_F(CheckpointDamage, AStageWhoseModelIsDamagedTrainsAgain) {
  const config::Sweep staged = make_sweep(
      "staged", {{.variant = "student", .stage = "teacher"}, {.variant = "other student", .stage = "teacher"}});
  const TrialId teacher = staged.trials[0].id, student = staged.trials[1].id, other = staged.trials[2].id;
  cluster.submit(staged);
  cluster.run_to_end(teacher);
  EXPECT_EQ(cluster.state(student), TrialState::kAssigned);
  refuse(student, start_of(student).inputs.at("teacher"));
  EXPECT_EQ(cluster.state(teacher), TrialState::kAssigned);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  EXPECT_EQ(cluster.state(other), TrialState::kWaiting);
  cluster.run_to_end(teacher);
  cluster.run_to_end(student);
  cluster.run_to_end(other);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

}  // namespace
}  // namespace autonorm::testing
