// Trials that wait for others.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Stages : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep =
      make_sweep("distilled", {{.variant = "student", .stage = "teacher"}, {.variant = "other", .stage = "teacher"}});
  TrialId teacher = sweep.trials[0].id, student = sweep.trials[1].id, other = sweep.trials[2].id;
};

TEST_F(Stages, AStudentWaitsAndThenGetsItsTeachersModel) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  cluster.join_all(teacher);
  cluster.say(worker, fleet::Heartbeat{{{cluster.key_at(worker, teacher), 40, 100, "training", 1.0, 1.0, 0}}});
  EXPECT_EQ(cluster.reason(student),
            cat("waits for stage teacher, 40 % done (trial ", short_form(teacher), ", running, step 40/100)"));
  cluster.finish(teacher);
  EXPECT_EQ(cluster.state(student), TrialState::kAssigned);
  const auto start = std::get<fleet::Start>(cluster.take_messages(worker).back());
  EXPECT_EQ(start.key.trial, student);
  EXPECT_EQ(start.inputs, (std::map<std::string, Sha256>{{"teacher", artifact_hash(cat(teacher, "/model"))}}));
  cluster.run_to_end(student);
  cluster.run_to_end(other);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

TEST_F(Stages, AStageIsListedButIsNoRowOfTheTable) {
  cluster.submit(sweep);
  const auto views = cluster.engine().trials(SweepId(1));
  ASSERT_EQ(views.size(), 3U);
  EXPECT_FALSE(views[0].is_stage);
  EXPECT_TRUE(views[2].is_stage);
  EXPECT_EQ(views[2].variant, "teacher");
}

TEST_F(Stages, AFailedTeacherFailsItsStudentsWithTheReason) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(teacher);
  cluster.fail(worker, teacher, EndReason::kDataCorrupt, "train-images: bad magic");
  for (const TrialId& id : {student, other}) {
    EXPECT_EQ(cluster.state(id), TrialState::kFailed);
    EXPECT_EQ(cluster.trial(id).end, EndReason::kParent);
    EXPECT_EQ(cluster.reason(id),
              cat("parent: its stage teacher (trial ", short_form(teacher), ") failed: train-images: bad magic"));
  }
}

TEST_F(Stages, ADivergedTeacherFailsItsStudentsToo) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(teacher);
  fleet::Finished diverged;
  diverged.reason = EndReason::kDiverged;
  cluster.emit(worker, teacher, diverged);
  EXPECT_EQ(cluster.trial(student).end, EndReason::kParent);
}

TEST_F(Stages, RevivingAStudentRevivesItsTeacherFirst) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(teacher);
  cluster.fail(worker, teacher, EndReason::kBadConfig);
  cluster.free_slot(worker, teacher);
  const engine::SubmitReply reply = cluster.submit(sweep);
  EXPECT_EQ(reply.revived, 3);
  EXPECT_EQ(cluster.state(teacher), TrialState::kAssigned);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  cluster.run_to_end(teacher);
  EXPECT_EQ(cluster.state(student), TrialState::kAssigned);
}

TEST_F(Stages, AModelStillOnItsWayHoldsTheStudentBack) {
  cluster.restarts_matter("an upload that a restart breaks off comes to nothing: the stage runs again");
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(teacher);
  const Sha256 model = artifact_hash("slow");
  cluster.emit(worker, teacher,
               fleet::Finished{.results = {}, .facts = {}, .initial = {}, .artifacts = {{"model", model}}});
  cluster.free_slot(worker, teacher);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  EXPECT_EQ(cluster.reason(student),
            cat("waits for the model of stage teacher (trial ", short_form(teacher), ") to arrive"));
  cluster.store_artifact(model);
  EXPECT_EQ(cluster.state(student), TrialState::kAssigned);
}

TEST_F(Stages, ATeacherWithoutAModelIsAFailureOfItsStudents) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(teacher);
  cluster.emit(worker, teacher, fleet::Finished{});
  EXPECT_EQ(cluster.reason(student), cat("parent: its stage teacher (trial ", short_form(teacher), ") left no model"));
}

TEST_F(Stages, AStudentOfACachedTeacherStartsAtOnce) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.run_to_end(teacher);
  cluster.run_to_end(student);
  cluster.run_to_end(other);
  const config::Sweep later = make_sweep("later", {{.variant = "new student", .stage = "teacher"}});
  const engine::SubmitReply reply = cluster.submit(later);
  EXPECT_EQ(reply.cached, 1);
  EXPECT_EQ(reply.new_trials, 1);
  EXPECT_EQ(cluster.state(later.trials[1].id), TrialState::kAssigned);
}

TEST_F(Stages, CancellingASweepCancelsStudentsRatherThanFailingThem) {
  cluster.submit(sweep);
  cluster.act(SweepId(1), engine::SweepAction::kCancel);
  for (const TrialId& id : {teacher, student, other}) EXPECT_EQ(cluster.state(id), TrialState::kCancelled);
}

// Found by the random walk: a queued student started without a teacher while the teacher was trained anew.
TEST_F(Stages, AQueuedStudentWaitsWhenItsTeacherIsTrainedAnew) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.run_to_end(teacher);
  cluster.join_all(student);
  EXPECT_EQ(cluster.state(other), TrialState::kQueued);
  cluster.submit(sweep, true);
  EXPECT_EQ(cluster.state(student), TrialState::kRunning) << "it has read the old model";
  EXPECT_EQ(cluster.state(other), TrialState::kWaiting);
  cluster.fail(worker, student, EndReason::kPreempted);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  cluster.free_slot(worker, student);
  for (const TrialId& id : {teacher, student, other}) cluster.run_to_end(id);
  EXPECT_EQ(cluster.state(other), TrialState::kSucceeded);
}

TEST_F(Stages, AStudentThatWasAboutToStartWaitsForTheNewTeacher) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.run_to_end(teacher);
  EXPECT_EQ(cluster.state(student), TrialState::kAssigned);
  cluster.take_messages(worker);
  cluster.submit(sweep, true);
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  EXPECT_EQ(only<fleet::Stop>(cluster.take_messages(worker)).size(), 1U);
}

TEST_F(Stages, PausingHoldsWaitingTrialsAndSaysSo) {
  cluster.submit(sweep);
  cluster.act(SweepId(1), engine::SweepAction::kPause);
  EXPECT_EQ(cluster.reason(student), "sweep 1 paused by user; go on with: coordinator resume 1");
}

TEST_F(Stages, ModelsAreNeededAsLongAsAStudentMayTrain) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  const Sha256 model = artifact_hash(cat(teacher, "/model"));
  const auto pinned = [&] {
    const auto manifests = cluster.engine().pinned_artifacts();
    return std::set<Sha256>(manifests.begin(), manifests.end());
  };
  cluster.run_to_end(teacher);
  EXPECT_TRUE(pinned().contains(model));
  cluster.join_all(student);
  cluster.checkpoint(student, 20);
  EXPECT_TRUE(pinned().contains(artifact_hash(cat(student, "/step-20"))));
  cluster.finish(student);
  EXPECT_FALSE(pinned().contains(artifact_hash(cat(student, "/step-20"))));
  EXPECT_TRUE(pinned().contains(model)) << "the other student";
  cluster.join_all(other);
  cluster.fail(worker, other, EndReason::kDataCorrupt);
  EXPECT_TRUE(pinned().contains(model)) << "a retry would need it";
}

TEST_F(Stages, ACachedStageWhoseModelIsGoneRunsAgain) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.run_to_end(teacher);
  cluster.run_to_end(student);
  cluster.run_to_end(other);
  EXPECT_TRUE(cluster.engine().pinned_artifacts().empty());
  const Sha256 model = artifact_hash(cat(teacher, "/model"));
  cluster.apply(engine::ArtifactsDropped{{model}});
  EXPECT_FALSE(cluster.engine().has_artifact(model));

  const config::Sweep later = make_sweep("later", {{.variant = "third", .stage = "teacher"}});
  ASSERT_EQ(later.trials[0].id, teacher);
  const auto reply = cluster.submit(later);
  EXPECT_EQ(reply.revived, 1);
  EXPECT_NE(cluster.state(teacher), TrialState::kSucceeded);
  const TrialId third = later.trials[1].id;
  EXPECT_EQ(cluster.state(third), TrialState::kWaiting);
  cluster.run_to_end(teacher);
  cluster.run_to_end(third);
  EXPECT_EQ(cluster.state(third), TrialState::kSucceeded);
}

// Between two slices of a submission its students are not there yet.
TEST(StagesOfALargeSweep, ACachedModelIsNeededWhileItsStudentsAreBeingSubmitted) {
  FakeCluster cluster({.limits = {.slice = 1}});
  cluster.add_worker();
  const config::Sweep first = make_sweep("first", {{.variant = "A", .stage = "teacher"}});
  cluster.submit(first);
  cluster.run_to_end(first.trials[0].id);
  cluster.run_to_end(first.trials[1].id);
  EXPECT_TRUE(cluster.engine().pinned_artifacts().empty());
  const config::Sweep second = make_sweep("second", {{.variant = "B", .stage = "teacher"}});
  cluster.apply(submission(second));
  EXPECT_EQ(cluster.engine().pinned_artifacts(),
            std::vector<Sha256>{artifact_hash(cat(second.trials[0].id, "/model"))});
}

}  // namespace
}  // namespace autonorm::testing
