// Retry: failed trials (and cancelled ones where they are named) start again; a result never does.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using Counts = std::map<TrialState, int64_t>;

struct Retry : ::testing::Test {
  FakeCluster cluster;
  WorkerId worker = cluster.add_worker();
  config::Sweep sweep = make_sweep("study", {{.variant = "A", .seed = 0},
                                             {.variant = "A", .seed = 1},
                                             {.variant = "B", .seed = 0},
                                             {.variant = "B", .seed = 1}});
  TrialId trial(size_t i) const { return sweep.trials[i].id; }
  std::string digits(size_t i) const { return std::string(short_form(trial(i))); }
  void break_trial(const TrialId& id) {
    cluster.join_all(id);
    cluster.fail(worker, id, EndReason::kBadConfig, "dim must divide by heads");
    cluster.free_slot(worker, id);
  }
  Status retried(engine::RetryTrials what) { return cluster.retry(std::move(what)).status; }
};

TEST_F(Retry, ASweepRetriesItsFailedTrialsAndNothingElse) {
  cluster.submit(sweep);
  cluster.run_to_end(trial(0));
  break_trial(trial(1));
  break_trial(trial(2));
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1)}).trials_affected, 2);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts,
            (Counts{{TrialState::kQueued, 2}, {TrialState::kAssigned, 1}, {TrialState::kSucceeded, 1}}));
  cluster.run_to_end(trial(3));
  cluster.run_to_end(trial(1));
  cluster.run_to_end(trial(2));
  EXPECT_EQ(cluster.trial(trial(1)).attempt, Attempt(2));
  EXPECT_EQ(cluster.trial(trial(0)).attempt, Attempt(1)) << "a success is never repeated";
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

TEST_F(Retry, AllAttemptsLieBeforeARetriedTrialAndItGoesOnFromItsCheckpoint) {
  config::Sweep one = make_sweep("one", {{.variant = "A", .max_attempts = 1}});
  const TrialId id = one.trials[0].id;
  cluster.submit(one);
  cluster.join_all(id);
  cluster.fail(worker, id, EndReason::kTrainerCrashed, "signal 11");
  cluster.free_slot(worker, id);
  EXPECT_EQ(cluster.state(id), TrialState::kFailed);
  cluster.retry({.trial = id.value()});
  cluster.join_all(id);
  cluster.checkpoint(id, 50);
  cluster.fail(worker, id, EndReason::kTimeout, "too long");
  cluster.free_slot(worker, id);
  cluster.take_messages(worker);
  EXPECT_EQ(cluster.retry({.trial = id.value()}).trials_affected, 1);
  const auto starts = only<fleet::Start>(cluster.take_messages(worker));
  ASSERT_EQ(starts.size(), 1U);
  ASSERT_TRUE(starts[0].resume.has_value());
  EXPECT_EQ(starts[0].resume->step, 50);
}

TEST_F(Retry, AVariantRetriesItsOwnTrials) {
  cluster.submit(sweep);
  for (size_t i = 0; i < 4; ++i) break_trial(trial(i));
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .variant = "B"}).trials_affected, 2);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kFailed);
  EXPECT_EQ(cluster.state(trial(2)), TrialState::kAssigned);
  EXPECT_EQ(retried({.sweep = SweepId(1), .variant = "student"}).message(),
            "sweep 1 has no variant 'student'; it has 'A', 'B'");
}

TEST_F(Retry, CancelledTrialsOnlyWhereTheyAreNamed) {
  cluster.submit(sweep);
  break_trial(trial(0));
  cluster.submit(make_sweep("other", {{.variant = "A", .seed = 0}, {.variant = "C"}}));
  cluster.act(SweepId(1), engine::SweepAction::kCancel);
  const std::string refused =
      "sweep 1 (study) was cancelled; to go on with all of it: coordinator retry 1 --cancelled, or submit its file "
      "again";
  EXPECT_EQ(retried({.sweep = SweepId(1)}).message(), refused);
  EXPECT_EQ(retried({.sweep = SweepId(1), .variant = "A", .cancelled = true}).message(), refused);
  EXPECT_EQ(retried({.trial = trial(1).value()}).message(),
            cat("every sweep with trial ", digits(1), " was cancelled; submit its file again to go on"));
  // A trial that was cancelled before another sweep claimed it is revived by that submission.
  cluster.submit(make_sweep("third", {{.variant = "A", .seed = 1}, {.variant = "D"}}));
  EXPECT_NE(cluster.state(trial(1)), TrialState::kCancelled);
}

TEST_F(Retry, ACancelledSweepGoesOnAsAWhole) {
  cluster.submit(sweep);
  cluster.run_to_end(trial(0));
  break_trial(trial(1));
  cluster.join_all(trial(2));
  cluster.checkpoint(trial(2), 40);
  cluster.act(SweepId(1), engine::SweepAction::kCancel);
  cluster.free_slot(worker, trial(2));
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "cancelled");
  cluster.take_messages(worker);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .cancelled = true}).trials_affected, 3);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kSucceeded) << "results are never touched";
  for (size_t i = 1; i < 4; ++i) cluster.run_to_end(trial(i));
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
  bool resumed = false;
  for (const auto& start : only<fleet::Start>(cluster.take_messages(worker)))
    resumed = resumed || (start.key.trial == trial(2) && start.resume && start.resume->step == 40);
  EXPECT_TRUE(resumed);
}

// Cut off by a restart after its first slice, it goes on to its end.
TEST(RetryCut, ACancelledSweepComesBackOverARestart) {
  engine::Limits limits;
  limits.slice = 2;
  FakeCluster cluster({.limits = limits});
  cluster.submit(make_sweep("many", 9));
  cluster.complete_submissions();
  cluster.act(SweepId(1), engine::SweepAction::kCancel);
  while (cluster.continue_submission()) {
  }
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (std::map<TrialState, int64_t>{{TrialState::kCancelled, 9}}));
  cluster.apply(engine::RetryTrials{.request = 700, .sweep = SweepId(1), .cancelled = true});
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
  cluster.restart();
  while (cluster.continue_submission()) {
  }
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (std::map<TrialState, int64_t>{{TrialState::kQueued, 9}}));
}

// Another sweep has gone on with the stage, which diverged: what was cancelled before it fails for it now.
TEST_F(Retry, ACancelledTrialFailsForItsStageWhenItsSweepComesBack) {
  const config::Sweep one = make_sweep("one", {{.variant = "student", .stage = "teacher"}});
  cluster.submit(one);
  cluster.act(SweepId(1), engine::SweepAction::kCancel);
  cluster.free_slot(worker, one.trials[0].id);
  ASSERT_EQ(cluster.state(one.trials[1].id), TrialState::kCancelled);
  cluster.submit(make_sweep("two", {{.variant = "other student", .stage = "teacher"}}));
  const TrialId teacher = one.trials[0].id;
  cluster.join_all(teacher);
  fleet::Finished diverged;
  diverged.reason = EndReason::kDiverged;
  cluster.emit(worker, teacher, diverged);
  cluster.retry({.sweep = SweepId(1), .cancelled = true});
  EXPECT_EQ(cluster.state(one.trials[1].id), TrialState::kFailed);
  EXPECT_EQ(cluster.trial(one.trials[1].id).end, EndReason::kParent);
}

TEST_F(Retry, ATrialIsNamedByTheStartOfItsIdAndItsStateIsExplained) {
  cluster.submit(sweep);
  EXPECT_EQ(retried({.trial = trial(0).value()}).message(),
            cat("trial ", digits(0), " is assigned; only failed and cancelled trials are retried"));
  cluster.run_to_end(trial(0));
  EXPECT_EQ(retried({.trial = trial(0).value()}).message(),
            cat("trial ", digits(0),
                " succeeded, which is a result; to train it once more: coordinator submit FILE --fresh"));
  EXPECT_EQ(retried({.trial = "zz"}).message(), "no trial has an id that starts with 'zz'");
  EXPECT_EQ(retried({.sweep = SweepId(1), .trial = "zz"}).message(),
            "no trial of sweep 1 has an id that starts with 'zz'");
  EXPECT_EQ(retried({}).message(), "which trials? name a sweep or a trial");
  EXPECT_EQ(retried({.sweep = SweepId(9)}).code(), Code::kNotFound);
}

TEST_F(Retry, AStageComesBackWithEverythingThatFailedForIt) {
  const config::Sweep staged = make_sweep(
      "staged", {{.variant = "student", .stage = "teacher"}, {.variant = "other student", .stage = "teacher"}});
  const TrialId teacher = staged.trials[0].id;
  cluster.submit(staged);
  break_trial(teacher);
  EXPECT_EQ(cluster.trial(staged.trials[1].id).end, EndReason::kParent);
  EXPECT_EQ(cluster.retry({.trial = staged.trials[1].id.value()}).trials_affected, 3) << "and the other student";
  EXPECT_EQ(cluster.state(teacher), TrialState::kAssigned);
  EXPECT_EQ(cluster.state(staged.trials[1].id), TrialState::kWaiting);
  cluster.run_to_end(teacher);
  cluster.run_to_end(staged.trials[1].id);
  cluster.run_to_end(staged.trials[2].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

TEST_F(Retry, AStageThatDivergedCannotBeMended) {
  const config::Sweep staged = make_sweep("staged", {{.variant = "student", .stage = "teacher"}});
  cluster.submit(staged);
  cluster.join_all(staged.trials[0].id);
  fleet::Finished diverged;
  diverged.reason = EndReason::kDiverged;
  cluster.emit(worker, staged.trials[0].id, diverged);
  EXPECT_EQ(cluster.state(staged.trials[1].id), TrialState::kFailed);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1)}).trials_affected, 0);
  EXPECT_EQ(cluster.state(staged.trials[1].id), TrialState::kFailed);
  EXPECT_EQ(retried({.trial = staged.trials[1].id.value()}).message(),
            cat("trial ", short_form(staged.trials[1].id), " needs stage teacher (trial ",
                short_form(staged.trials[0].id), "), which left nothing to go on from; change the stage in the file"));
}

TEST_F(Retry, TheSameKeyAgainChangesNothingAlsoAfterARestart) {
  cluster.submit(sweep);
  break_trial(trial(0));
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "r1"}).trials_affected, 1);
  cluster.run_to_end(trial(1));
  break_trial(trial(0));
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "r1"}).trials_affected, 1);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kFailed) << "the first answer, nothing done";
  cluster.restart();
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "r1"}).trials_affected, 1);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kFailed);
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "r2"}).trials_affected, 1);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kQueued);
}

}  // namespace
}  // namespace autonorm::testing
