// kill -9 of the coordinator between any two events: nothing acknowledged is lost, nothing runs twice.
#include <gtest/gtest.h>

#include <functional>

#include "coordinator/store/history_reader.h"
#include "coordinator/store/report_reader.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

// A two-rank trial and a one-rank trial that waits for it, told in single steps.
class Story {
 public:
  explicit Story(FakeCluster& cluster) : cluster_(cluster) {
    steps_ = {
        [&] { cluster_.add_workers(2); },
        [&] { cluster_.submit(sweep_); },
        [&] {
          emit(0, fleet::Ready{"listening", "h:1"});
        },
        [&] {
          emit(0, fleet::Ready{"joined", ""});
        },
        [&] {
          emit(1, fleet::Ready{"joined", ""});
        },
        [&] {
          emit(0, fleet::Metrics{{{"loss", 10, 1.0}, {"loss", 20, 0.9}}});
        },
        [&] { cluster_.checkpoint(gang_, 20); },
        [&] {
          emit(0, fleet::Metrics{{{"loss", 30, 0.8}}});
        },
        [&] { cluster_.finish(gang_, 0.9); },
        [&] {
          cluster_.emit(cluster_.member(single_), single_, fleet::Ready{"joined", ""});
        },
        [&] { cluster_.finish(single_, 0.8); },
    };
  }
  size_t size() const { return steps_.size(); }
  void play(size_t step) { steps_[step](); }
  const TrialId& gang() const { return gang_; }
  const TrialId& single() const { return single_; }

 private:
  void emit(int rank, fleet::EventBody body) { cluster_.emit(cluster_.member(gang_, rank), gang_, std::move(body)); }

  FakeCluster& cluster_;
  config::Sweep sweep_ = make_sweep("story", {{.variant = "gang", .ranks = 2}, {.variant = "single"}});
  TrialId gang_ = sweep_.trials[0].id, single_ = sweep_.trials[1].id;
  std::vector<std::function<void()>> steps_;
};

class RestartAt : public ::testing::TestWithParam<size_t> {};

TEST_P(RestartAt, TheStoryEndsAsIfNothingHadHappened) {
  FakeCluster cluster;
  Story story(cluster);
  for (size_t step = 0; step < story.size(); ++step) {
    story.play(step);
    if (step != GetParam()) continue;
    cluster.restart();
    cluster.reconnect_all();
  }
  for (const TrialId& id : {story.gang(), story.single()}) {
    EXPECT_EQ(cluster.state(id), TrialState::kSucceeded);
    EXPECT_EQ(cluster.trial(id).attempt, Attempt(1)) << "no attempt was lost";
  }
  auto reader = store::ReportReader::open(cluster.directory());
  const auto data = (*reader)->report(std::nullopt);
  ASSERT_TRUE(data.ok());
  EXPECT_EQ(data->trials[0].results.at("test/accuracy"), 0.9);
  EXPECT_EQ(data->trials[1].results.at("test/accuracy"), 0.8);
  auto history = store::HistoryReader::open(cluster.directory());
  const auto curves = (*history)->curves(story.gang().value());
  ASSERT_TRUE(curves.ok());
  ASSERT_EQ(curves->size(), 1U);
  EXPECT_EQ(curves->front().points.size(), 3U) << "each point once";
}
INSTANTIATE_TEST_SUITE_P(EveryStep, RestartAt, ::testing::Range<size_t>(0, 11));

struct Restart : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("one", 1);
  TrialId trial = sweep.trials.front().id;
};

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
  FakeAttempt& attempt = cluster.worker(worker).attempts.at(trial);
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.7}};
  attempt.events.push_back({attempt.key, Seq(2), fleet::Metrics{{{"loss", 10, 1.0}}}});
  attempt.events.push_back({attempt.key, Seq(3), finished});
  attempt.terminal = true;
  attempt.alive = false;
  cluster.connect(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
}

TEST_F(Restart, AStartThatGotLostIsSentAgainWithTheSameAttempt) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  const auto first = only<fleet::Start>(cluster.take_messages(worker));
  ASSERT_EQ(first.size(), 1U);
  cluster.worker(worker).attempts.clear();  // it never got there
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
  cluster.worker(worker).attempts.clear();
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

TEST_F(Restart, ARestartedWorkerDeliversWhatItsPredecessorFinished) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.disconnect(worker);
  FakeAttempt& attempt = cluster.worker(worker).attempts.at(trial);
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.6}};
  attempt.events.push_back({attempt.key, Seq(2), finished});
  attempt.terminal = true;
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
  cluster.worker(worker).attempts.clear();
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
