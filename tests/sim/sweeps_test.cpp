// Sweeps and their claims: sharing, repeating, cancelling, pausing, reviving.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using engine::SweepAction;
using Counts = std::map<TrialState, int64_t>;

struct Sweeps : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("first", 3);
  TrialId trial(size_t i) const { return sweep.trials[i].id; }
};

TEST_F(Sweeps, TheSameFileTwiceIsTheSameSweep) {
  const engine::SubmitReply first = cluster.submit(sweep);
  const engine::SubmitReply second = cluster.submit(sweep);
  EXPECT_EQ(second.sweep, first.sweep);
  EXPECT_TRUE(second.existed);
  EXPECT_EQ(second.new_trials, 0);
  EXPECT_EQ(cluster.engine().sweeps(cluster.now()).size(), 1U);
}

TEST_F(Sweeps, EqualTrialsAreTrainedOnceAcrossSweeps) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.run_to_end(trial(0));
  const config::Sweep wider =
      make_sweep("wider", {{.variant = "A", .seed = 0}, {.variant = "A", .seed = 1}, {.variant = "B"}});
  const engine::SubmitReply reply = cluster.submit(wider);
  EXPECT_NE(reply.sweep, SweepId(1));
  EXPECT_EQ(reply.trials, 3);
  EXPECT_EQ(reply.new_trials, 1);
  EXPECT_EQ(reply.cached, 1);
  for (const TrialId& id : {trial(1), wider.trials[2].id, trial(2)}) cluster.run_to_end(id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kSucceeded, 3}}));
  EXPECT_EQ(cluster.sweep(reply.sweep).counts, (Counts{{TrialState::kSucceeded, 3}}));
  for (const auto& planned : wider.trials) EXPECT_EQ(cluster.trial(planned.id).attempt, Attempt(1));
}

TEST_F(Sweeps, OneTrialCanCarryTwoLabelsOfASweep) {
  config::Sweep two = make_sweep("labels", {{.variant = "A"}});
  two.cells.push_back(two.cells.front());
  two.cells.back().variant = "same function";
  two.variants.push_back("same function");
  const engine::SubmitReply reply = cluster.submit(two);
  EXPECT_EQ(reply.cells, 2);
  EXPECT_EQ(reply.new_trials, 1);
  const auto views = cluster.engine().trials(reply.sweep);
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0].id, views[1].id);
  EXPECT_EQ(views[1].variant, "same function");
  EXPECT_EQ(cluster.sweep(reply.sweep).trials, 1) << "distinct trials";
}

TEST_F(Sweeps, AnIdempotencyKeyGivesTheSameAnswer) {
  const engine::SubmitReply first = cluster.submit(sweep, false, "abc");
  const engine::SubmitReply again = cluster.submit(sweep, false, "abc");
  EXPECT_EQ(again.sweep, first.sweep);
  EXPECT_EQ(again.new_trials, first.new_trials);
  EXPECT_FALSE(again.existed);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "cancel-1").trials_affected, 3);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel, "cancel-1").trials_affected, 3);
}

TEST_F(Sweeps, FreshIgnoresTheCache) {
  cluster.add_worker();
  cluster.submit(sweep);
  for (size_t i = 0; i < 3; ++i) cluster.run_to_end(trial(i));
  const engine::SubmitReply fresh = cluster.submit(sweep, true);
  EXPECT_NE(fresh.sweep, SweepId(1));
  EXPECT_FALSE(fresh.existed);
  EXPECT_EQ(fresh.cached, 0);
  EXPECT_EQ(fresh.revived, 3);
  for (size_t i = 0; i < 3; ++i) cluster.run_to_end(trial(i));
  EXPECT_EQ(cluster.trial(trial(0)).attempt, Attempt(2));
  EXPECT_EQ(cluster.sweep(fresh.sweep).state, "done");
}

TEST_F(Sweeps, CancelStopsWhatNoOtherSweepWants) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  const config::Sweep other = make_sweep("other", {{.variant = "A", .seed = 2}});
  cluster.submit(other);
  cluster.join_all(trial(0));
  cluster.take_messages(worker);
  const engine::ActReply reply = cluster.act(SweepId(1), SweepAction::kCancel);
  EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.trials_affected, 2);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kCancelled);
  EXPECT_EQ(cluster.state(trial(1)), TrialState::kCancelled);
  EXPECT_EQ(cluster.state(trial(2)), TrialState::kQueued) << "another sweep claims it";
  const auto stops = only<fleet::Stop>(cluster.take_messages(worker));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kKill);
  EXPECT_EQ(stops[0].reason, EndReason::kCancelled);
  cluster.fail(worker, trial(0), EndReason::kCancelled);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kCancelled);
  cluster.free_slot(worker, trial(0));
  EXPECT_EQ(cluster.state(trial(2)), TrialState::kAssigned);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "cancelled");
}

TEST_F(Sweeps, CancellingAFinishedSweepChangesNothing) {
  cluster.add_worker();
  cluster.submit(sweep);
  for (size_t i = 0; i < 3; ++i) cluster.run_to_end(trial(i));
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kCancel).trials_affected, 0);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

TEST_F(Sweeps, SubmittingACancelledSweepRevivesIt) {
  cluster.submit(sweep);
  cluster.act(SweepId(1), SweepAction::kCancel);
  const engine::SubmitReply reply = cluster.submit(sweep);
  EXPECT_EQ(reply.sweep, SweepId(1));
  EXPECT_TRUE(reply.existed);
  EXPECT_EQ(reply.revived, 3);
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kQueued, 3}}));
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
}

TEST_F(Sweeps, SubmittingRevivesFailedTrialsWithTheirAttemptsBeforeThem) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial(0));
  cluster.fail(worker, trial(0), EndReason::kBadConfig, "dim must divide by heads");
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kFailed);
  cluster.free_slot(worker, trial(0));
  const engine::SubmitReply reply = cluster.submit(sweep);
  EXPECT_EQ(reply.revived, 1);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kQueued);
  cluster.run_to_end(trial(1));
  cluster.run_to_end(trial(0));
  EXPECT_EQ(cluster.trial(trial(0)).attempt, Attempt(2));
}

TEST_F(Sweeps, PauseLetsRunningTrialsWriteACheckpointAndResumeGoesOnFromIt) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial(0));
  cluster.take_messages(worker);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kPause).trials_affected, 3);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "paused");
  const auto stops = only<fleet::Stop>(cluster.take_messages(worker));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kCheckpointThenStop);
  EXPECT_EQ(stops[0].reason, EndReason::kPreempted);
  cluster.checkpoint(trial(0), 40);
  cluster.fail(worker, trial(0), EndReason::kPreempted, "stopped at step 40");
  cluster.free_slot(worker, trial(0));
  EXPECT_EQ(cluster.sweep(SweepId(1)).counts, (Counts{{TrialState::kQueued, 3}}));
  EXPECT_EQ(cluster.reason(trial(1)), "sweep 1 paused by user; go on with: coordinator resume 1");
  cluster.advance(10s);
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");

  cluster.take_messages(worker);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kResume).trials_affected, 3);
  const auto starts = only<fleet::Start>(cluster.take_messages(worker));
  ASSERT_EQ(starts.size(), 1U);
  EXPECT_EQ(starts[0].key.trial, trial(0));
  EXPECT_EQ(starts[0].key.attempt, Attempt(2));
  ASSERT_TRUE(starts[0].resume.has_value());
  EXPECT_EQ(starts[0].resume->step, 40);
}

// Its last trial was at its end when it was asked to leave: nothing is left to go on with, and whoever watches it is
// told so.
TEST_F(Sweeps, APausedSweepWhoseTrialsEndIsDone) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  for (size_t i = 0; i < 2; ++i) cluster.run_to_end(trial(i));
  cluster.join_all(trial(2));
  cluster.act(SweepId(1), SweepAction::kPause);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "paused");
  cluster.finish(trial(2));
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kResume).trials_affected, 0);
}

TEST_F(Sweeps, APausedTrialThatDoesNotStopIsKilled) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial(0));
  cluster.act(SweepId(1), SweepAction::kPause);
  cluster.advance(59s);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kRunning);
  cluster.take_messages(worker);
  cluster.advance(1s);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kQueued);
  EXPECT_EQ(only<fleet::Stop>(cluster.take_messages(worker)).size(), 1U);
}

TEST_F(Sweeps, PauseHoldsOnlyWhatNoOtherSweepWants) {
  cluster.submit(sweep);
  cluster.submit(make_sweep("other", {{.variant = "A", .seed = 2}}));
  cluster.act(SweepId(1), SweepAction::kPause);
  cluster.add_workers(3);
  EXPECT_EQ(cluster.state(trial(0)), TrialState::kQueued);
  EXPECT_EQ(cluster.state(trial(2)), TrialState::kAssigned);
}

TEST_F(Sweeps, ResumeOfACancelledSweepAndUnknownSweepsAreExplained) {
  EXPECT_EQ(cluster.act(SweepId(7), SweepAction::kPause).status.message(),
            "there is no sweep 7; nothing was submitted yet");
  cluster.submit(sweep);
  EXPECT_EQ(cluster.act(SweepId(7), SweepAction::kPause).status.message(),
            "there is no sweep 7; the sweeps are numbered 1 to 1 (see: coordinator list)");
  cluster.act(SweepId(1), SweepAction::kCancel);
  const Status status = cluster.act(SweepId(1), SweepAction::kResume).status;
  EXPECT_EQ(status.code(), Code::kConflict);
  EXPECT_EQ(
      status.message(),
      "sweep 1 (first) was cancelled; to go on with all of it: coordinator retry 1 --cancelled, or submit its file "
      "again");
}

TEST_F(Sweeps, ALargeSubmissionComesInSlicesAndWorkStartsMeanwhile) {
  ClusterOptions options;
  options.limits.slice = 10;
  FakeCluster slow(options);
  const WorkerId worker = slow.add_worker();
  const config::Sweep big = make_sweep("big", 35);
  engine::SubmitSweep event = submission(big);
  event.request = 1;
  slow.apply(event);
  EXPECT_EQ(slow.sweep(SweepId(1)).state, "submitting");
  EXPECT_EQ(slow.sweep(SweepId(1)).trials, 10);
  EXPECT_EQ(slow.state(big.trials[0].id), TrialState::kAssigned);
  slow.run_to_end(big.trials[0].id);
  EXPECT_TRUE(slow.continue_submission());
  EXPECT_TRUE(slow.continue_submission());
  EXPECT_FALSE(slow.continue_submission());
  EXPECT_EQ(slow.sweep(SweepId(1)).state, "running");
  EXPECT_EQ(slow.sweep(SweepId(1)).trials, 35);
}

TEST_F(Sweeps, TwoCallersOfOneSubmissionInProgressGetOneSweep) {
  ClusterOptions options;
  options.limits.slice = 10;
  FakeCluster slow(options);
  const config::Sweep big = make_sweep("big", 35);
  engine::SubmitSweep event = submission(big);
  event.request = 100;
  slow.apply(event);
  const engine::SubmitReply second = slow.submit(big);
  EXPECT_EQ(second.sweep, SweepId(1));
  EXPECT_TRUE(second.existed);
  EXPECT_EQ(slow.engine().sweeps(slow.now()).size(), 1U);
}

TEST_F(Sweeps, ASubmissionThatIsCancelledOnItsWayInIsAnswered) {
  ClusterOptions options;
  options.limits.slice = 10;
  FakeCluster slow(options);
  slow.apply(submission(make_sweep("big", 35)));
  EXPECT_TRUE(slow.act(SweepId(1), SweepAction::kCancel).status.ok());
  EXPECT_FALSE(slow.continue_submission());
  EXPECT_EQ(slow.sweep(SweepId(1)).counts, (Counts{{TrialState::kCancelled, 10}}));
  const engine::SubmitReply again = slow.submit(make_sweep("big", 35));
  EXPECT_EQ(again.new_trials, 25);
  EXPECT_EQ(again.revived, 10);
}

}  // namespace
}  // namespace autonorm::testing
