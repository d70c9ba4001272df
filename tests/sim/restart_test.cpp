// kill -9 of the coordinator: nothing acknowledged is lost, nothing runs twice. That it may come at any event of any
// story is checked by FakeCluster itself; here are stories whose subject is the restart.
#include <gtest/gtest.h>

#include "coordinator/store/history_reader.h"
#include "coordinator/store/log_reader.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Restart : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("one", 1);
  TrialId trial = sweep.trials.front().id;
};

// A gang and a trial that waits for its slots, with every kind of event.
TEST_F(Restart, AWholeRunIsToldWithARestartAtEachEvent) {
  const config::Sweep both = make_sweep("both", {{.variant = "gang", .ranks = 2}, {.variant = "single"}});
  const TrialId gang = both.trials[0].id, single = both.trials[1].id;
  cluster.add_workers(2);
  cluster.submit(both);
  cluster.join_all(gang);
  cluster.emit(cluster.member(gang), gang, fleet::Metrics{{{"loss", 10, 1.0}, {"loss", 20, 0.9}}});
  cluster.checkpoint(gang, 20);
  cluster.emit(cluster.member(gang), gang, fleet::Metrics{{{"loss", 30, 0.8}}});
  cluster.finish(gang, 0.9);
  cluster.run_to_end(single);
  EXPECT_EQ(cluster.trial(gang).attempt, Attempt(1));
  EXPECT_EQ(cluster.trial(single).attempt, Attempt(1));
  auto reader = store::HistoryReader::open(cluster.directory());
  const auto curves = (*reader)->curves(gang.value());
  ASSERT_TRUE(curves.ok());
  ASSERT_EQ(curves->size(), 1U);
  EXPECT_EQ(curves->front().points.size(), 3U) << "each point once";
}

// How many lines an attempt has logged is counted in the store: a restart allows no further ones.
TEST_F(Restart, TheLimitOnLogLinesGoesOnOverARestart) {
  engine::Limits limits;
  limits.log_lines = 4;
  FakeCluster few({.limits = limits});
  const WorkerId worker = few.add_worker();
  few.submit(sweep);
  few.join_all(trial);
  const auto log = [&](const char* text) { few.emit(worker, trial, fleet::LogLine{"info", text}); };
  log("one"), log("two"), log("three");
  const auto stored = few.store().load();
  ASSERT_EQ(stored->open_attempts.size(), 1U);
  EXPECT_EQ(stored->open_attempts[0].log_lines, 3);
  few.restart();
  few.connect(worker);
  log("four"), log("five"), log("six");
  const auto reader = store::LogReader::open(few.directory());
  ASSERT_TRUE(reader.ok()) << reader.status().message();
  const auto attempt = (*reader)->attempt(trial.value(), std::nullopt);
  ASSERT_TRUE(attempt.ok()) << attempt.status().message();
  const auto lines = (*reader)->lines(attempt->row, 0, 100);
  ASSERT_EQ(lines->size(), 5U);
  EXPECT_EQ(lines->at(3).text, "four");
  EXPECT_EQ(lines->at(4).text.substr(0, 50), "further lines of this attempt are in log.txt on a,");
  few.finish(trial);
}

TEST_F(Restart, EpochGrowsByOneAndWorkersAreTold) {
  const WorkerId worker = cluster.add_worker();
  EXPECT_EQ(only<fleet::Welcome>(cluster.take_messages(worker))[0].epoch, 1);
  cluster.restart();
  cluster.reconnect_all();
  EXPECT_EQ(only<fleet::Welcome>(cluster.take_messages(worker))[0].epoch, 2);
}

TEST_F(Restart, WorkersGetAFullLeaseToComeBack) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.restart();
  cluster.advance(14'500ms);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.connect(worker);
  cluster.finish(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(Restart, AWorkerThatDoesNotComeBackLosesItsAttempt) {
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.restart();
  cluster.advance(15s);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kWorkerLost);
}

TEST_F(Restart, AResultFromTheOutageArrivesOnce) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.restart();
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.7}};
  cluster.emit(worker, trial, fleet::Metrics{{{"loss", 10, 1.0}}});
  cluster.emit(worker, trial, finished);
  cluster.change_worker(worker, [id = trial](FakeWorker& w) { w.attempts.at(id).alive = false; });
  cluster.connect(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
}

TEST_F(Restart, AStartThatGotLostIsSentAgainWithTheSameAttempt) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  const auto first = only<fleet::Start>(cluster.take_messages(worker));
  ASSERT_EQ(first.size(), 1U);
  cluster.forget(worker);  // it never got there
  cluster.disconnect(worker);
  cluster.connect(worker);
  EXPECT_EQ(only<fleet::Start>(cluster.take_messages(worker)), first);
  cluster.run_to_end(trial);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(1));
}

TEST_F(Restart, AStartThatTheOldCoordinatorCouldNotSendIsSentByTheNewOne) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  const auto first = only<fleet::Start>(cluster.take_messages(worker));
  cluster.forget(worker);
  cluster.restart();
  cluster.connect(worker);
  EXPECT_EQ(only<fleet::Start>(cluster.take_messages(worker)), first) << "same attempt, same token";
}

TEST_F(Restart, ALostRendezvousIsSentAgain) {
  const config::Sweep pair = make_sweep("pair", {{.variant = "A", .ranks = 2}});
  const TrialId id = pair.trials.front().id;
  const auto workers = cluster.add_workers(2);
  cluster.submit(pair);
  cluster.disconnect(workers[1]);
  cluster.emit(workers[0], id, fleet::Ready{"listening", "h:1"});
  cluster.take_messages(workers[1]);
  cluster.connect(workers[1]);
  const auto sent = only<fleet::Rendezvous>(cluster.take_messages(workers[1]));
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].endpoint, "h:1");
}

// Found by the random walk: after a restart the worker of two open attempts held the slot of neither.
TEST_F(Restart, AMemberThatGaveItsSlotBackKeepsItsNewAttempt) {
  const config::Sweep both = make_sweep("both", {{.variant = "gang", .ranks = 2}, {.variant = "single"}});
  const TrialId gang = both.trials[0].id, single = both.trials[1].id;
  const auto workers = cluster.add_workers(2);
  cluster.submit(both);
  cluster.join_all(gang);
  cluster.free_slot(workers[1], gang);  // its rank is through; the leader still writes its model
  EXPECT_EQ(cluster.member(single), workers[1]);
  cluster.restart();
  EXPECT_EQ(cluster.worker_view(workers[1]).trial, single);
  cluster.reconnect_all();
  cluster.finish(gang);
  cluster.run_to_end(single);
  EXPECT_EQ(cluster.trial(gang).attempt, Attempt(1));
  EXPECT_EQ(cluster.trial(single).attempt, Attempt(1));
}

TEST_F(Restart, AMemberThatGaveItsSlotBackOwesNothingToARestartedCoordinator) {
  const config::Sweep pair = make_sweep("pair", {{.variant = "gang", .ranks = 2}});
  const TrialId gang = pair.trials[0].id;
  const auto workers = cluster.add_workers(2);
  cluster.submit(pair);
  cluster.join_all(gang);
  cluster.free_slot(workers[1], gang);  // its rank is through; the leader still writes its model
  cluster.restart();
  EXPECT_EQ(cluster.worker_view(workers[1]).trial, std::nullopt);
  cluster.reconnect_all();
  EXPECT_EQ(cluster.worker_view(workers[1]).state, "idle");
  EXPECT_EQ(cluster.state(gang), TrialState::kRunning) << "nobody misses its trainer";
  cluster.finish(gang);
  EXPECT_EQ(cluster.trial(gang).attempt, Attempt(1));
}

TEST_F(Restart, ALeaderThatGaveItsSlotBackStillOwesItsResultAfterARestart) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.say(worker, fleet::SlotFree{cluster.key_at(worker, trial)});
  cluster.forget(worker);
  cluster.restart();
  cluster.connect(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.advance(30s);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2));
}

TEST_F(Restart, ARestartedWorkerDeliversWhatItsPredecessorFinished) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.disconnect(worker);
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.6}};
  cluster.emit(worker, trial, finished);
  cluster.restart_worker(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(1));
}

TEST_F(Restart, ARestartedWorkerWithoutAResultLosesItsAttempt) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.restart_worker(worker);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2)) << "it starts again at once";
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
}

TEST_F(Restart, AnEmptyWorkDirLosesTheRunningAttempt) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.forget(worker);
  cluster.restart_worker(worker);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2));
}

TEST_F(Restart, IdempotencyKeysAreRemembered) {
  const engine::SubmitReply first = cluster.submit(sweep, false, "key-1");
  cluster.restart();
  const engine::SubmitReply again = cluster.submit(sweep, false, "key-1");
  EXPECT_EQ(again.sweep, first.sweep);
  EXPECT_FALSE(again.existed) << "the very same answer";
  EXPECT_EQ(again.new_trials, 1);
}

TEST_F(Restart, PauseQuarantineAndCancelSurvive) {
  cluster.submit(sweep);
  const auto second = cluster.submit(make_sweep("two", {{.variant = "B"}}));
  cluster.act(SweepId(1), engine::SweepAction::kPause);
  cluster.act(second.sweep, engine::SweepAction::kCancel);
  cluster.restart();
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "paused");
  EXPECT_EQ(cluster.sweep(second.sweep).state, "cancelled");
  cluster.add_worker();
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
}

TEST_F(Restart, AHalfInsertedSubmissionIsReportedAndCompletedUnderItsNumber) {
  ClusterOptions options;
  options.limits.slice = 10;
  FakeCluster slow(options);
  const config::Sweep big = make_sweep("big", 35);
  slow.apply(submission(big));  // the first slice only
  EXPECT_EQ(slow.sweep(SweepId(1)).state, "submitting");
  slow.restart();
  ASSERT_EQ(slow.engine().interrupted().size(), 1U);
  EXPECT_EQ(slow.engine().interrupted()[0].sweep, SweepId(1));
  const engine::SubmitReply reply = slow.submit(big);
  EXPECT_EQ(reply.sweep, SweepId(1));
  EXPECT_TRUE(slow.engine().interrupted().empty());
  EXPECT_EQ(slow.sweep(SweepId(1)).state, "running");
  EXPECT_EQ(slow.sweep(SweepId(1)).trials, 35);
  EXPECT_EQ(slow.engine().sweeps(slow.now()).size(), 1U);
}

TEST_F(Restart, AStageWhoseModelIsGoneRunsAgain) {
  cluster.restarts_matter("its model never arrives: the stage runs again at the first restart");
  const config::Sweep staged = make_sweep("staged", {{.variant = "student", .stage = "teacher"}});
  const TrialId teacher = staged.trials[0].id, student = staged.trials[1].id;
  const WorkerId worker = cluster.add_worker();
  cluster.submit(staged);
  cluster.join_all(teacher);
  cluster.disconnect(worker);
  // It finishes, but the model's file is deleted while the coordinator is down.
  cluster.connect(worker);
  cluster.emit(
      worker, teacher,
      fleet::Finished{.results = {}, .facts = {}, .initial = {}, .artifacts = {{"model", artifact_hash("gone")}}});
  EXPECT_EQ(cluster.state(student), TrialState::kWaiting);
  cluster.restart();
  EXPECT_EQ(cluster.state(teacher), TrialState::kQueued);
  cluster.connect(worker);
  cluster.bury(worker);
  cluster.run_to_end(teacher);
  cluster.run_to_end(student);
  EXPECT_EQ(cluster.state(student), TrialState::kSucceeded);
}

// After going back to an older copy of the database, for example.
TEST_F(Restart, ACheckpointThatIsGoneMeansANewBeginning) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.checkpoint(trial, 20);
  std::filesystem::remove(cluster.store().artifacts().path(artifact_hash(cat(trial, "/step-20"))));
  cluster.restart();
  cluster.restart_worker(worker);  // the attempt is lost with its worker
  const auto starts = only<fleet::Start>(cluster.take_messages(worker));
  ASSERT_FALSE(starts.empty());
  EXPECT_EQ(starts.back().resume, std::nullopt);
  cluster.run_to_end(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

}  // namespace
}  // namespace autonorm::testing
