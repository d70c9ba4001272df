// Leases, late reports, silent and stalled trainers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using ::testing::ElementsAre;

struct Liveness : ::testing::Test {
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("one", 1);
  TrialId trial = sweep.trials.front().id;
};

TEST_F(Liveness, ALeaseEndsAfterFifteenSilentSecondsNotBefore) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.silence(worker);
  cluster.advance(14'500ms);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.advance(500ms);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kWorkerLost);
  EXPECT_EQ(cluster.worker_view(worker).state, "lost");
}

TEST_F(Liveness, ABrokenConnectionAloneLosesNothing) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.disconnect(worker);
  cluster.advance(10s);
  cluster.connect(worker);
  cluster.finish(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(1));
}

TEST_F(Liveness, ALateResultIsRefusedAndTheNewAttemptWins) {
  const WorkerId old = cluster.add_worker({.name = "old"});
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey late = cluster.key_at(old, trial);
  cluster.silence(old);
  const WorkerId fresh = cluster.add_worker({.name = "new", .world = "world-2"});
  cluster.advance(15s);
  EXPECT_EQ(cluster.member(trial), fresh);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2));

  // The old worker wakes up: its session is gone, so it connects again with a result in its spool.
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.1}};
  cluster.emit(old, trial, finished);
  cluster.take_messages(old);
  cluster.connect(old);
  const auto welcome = only<fleet::Welcome>(cluster.take_messages(old));
  ASSERT_EQ(welcome.size(), 1U);
  EXPECT_EQ(welcome[0].kill, std::vector<fleet::AttemptKey>{late});
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
  cluster.run_to_end(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(Liveness, ALateEventOnAnOpenSessionIsAnsweredWithAKill) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey old = cluster.key_at(worker, trial);
  cluster.fail(worker, trial, EndReason::kCollectiveAborted);
  cluster.take_messages(worker);
  cluster.deliver(worker, {old, Seq(3), fleet::Finished{}});
  const auto stops = only<fleet::Stop>(cluster.take_messages(worker));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].key, old);
  EXPECT_EQ(stops[0].mode, fleet::StopMode::kKill);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
}

TEST_F(Liveness, AWorkerWhoseOldTrainerStillRunsGetsNoNewWork) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.silence(worker);
  cluster.advance(15s);
  cluster.connect(worker);  // says: that attempt's trainer is alive
  EXPECT_EQ(cluster.worker_view(worker).state, "busy");
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  cluster.bury(worker);
  EXPECT_EQ(cluster.state(trial), TrialState::kAssigned);
}

TEST_F(Liveness, ASilentTrainerIsNamedAndItsGangKilled) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  cluster.say(worker, fleet::Heartbeat{{{key, 3, 100, "training", 1.0, 10.0, 4900}}});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.take_messages(worker);
  cluster.say(worker, fleet::Heartbeat{{{key, 3, 100, "training", 1.0, 10.0, 5500}}});
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kStalled);
  const auto stops = only<fleet::Stop>(cluster.take_messages(worker));
  ASSERT_EQ(stops.size(), 1U);
  EXPECT_EQ(stops[0].text, "the trainer of rank 0 (worker w0 on a) gave no sign of life for 5.5 s");
}

TEST_F(Liveness, NoStepForTenMinutesIsAStallButALongEvaluationIsNot) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  const auto report = [&](const std::string& phase) {
    cluster.say(worker, fleet::Heartbeat{{{key, 7, 100, phase, 1.0, 10.0, 100}}});
  };
  report("training");
  for (int minute = 0; minute < 15; ++minute) {
    cluster.advance(60s);
    report("evaluating");
  }
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  for (int minute = 0; minute < 10; ++minute) {
    report("training");
    cluster.advance(60s);
  }
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kStalled);
}

TEST_F(Liveness, ATimeoutEndsTheTrialForGood) {
  const config::Sweep timed = make_sweep("timed", {{.variant = "A", .timeout_s = 60}});
  const TrialId id = timed.trials.front().id;
  const WorkerId worker = cluster.add_worker();
  cluster.submit(timed);
  cluster.join_all(id);
  cluster.advance(60s);
  EXPECT_EQ(cluster.state(id), TrialState::kFailed);
  EXPECT_EQ(cluster.reason(id), "timeout: it ran for more than its timeout of 60 s");
}

// Ranks that the engine has ended say in their SlotFree what they left; of a gang it is rank 0's that is kept.
TEST_F(Liveness, AnAttemptThatTheEngineEndedGetsItsLastLinesAndMemoryLater) {
  const config::Sweep timed = make_sweep("timed", {{.variant = "A", .ranks = 2, .timeout_s = 60}});
  const TrialId id = timed.trials.front().id;
  cluster.add_workers(2);
  cluster.submit(timed);
  cluster.join_all(id);
  const std::vector ranks{cluster.member(id, 0), cluster.member(id, 1)};
  const fleet::AttemptKey key = cluster.key_at(ranks[0], id);
  cluster.advance(60s);
  const auto failure = [&] { return cluster.store().last_failure(id).value().value(); };
  EXPECT_TRUE(failure().log_tail.empty());
  cluster.say(ranks[1], fleet::SlotFree{key, {.log_tail = {"rank 1"}, .memory = {1, 2, 3}}});
  EXPECT_TRUE(failure().log_tail.empty());
  cluster.say(ranks[0], fleet::SlotFree{key, {.log_tail = {"rank 0"}, .memory = {4, 5, 6}}});
  EXPECT_THAT(failure().log_tail, ElementsAre("rank 0"));
  EXPECT_EQ(failure().memory, (fleet::MemoryAtDeath{4, 5, 6}));
  cluster.say(ranks[0], fleet::SlotFree{key, {.log_tail = {"again"}, .memory = {7, 8, 9}}});
  EXPECT_THAT(failure().log_tail, ElementsAre("rank 0"));  // once
}

// Rank 1 is to blame; what the killed rank 0 says of itself would not explain it.
TEST_F(Liveness, OfAGangTheRankThatIsToBlameIsHeard) {
  const config::Sweep pair = make_sweep("pair", {{.variant = "A", .ranks = 2}});
  const TrialId id = pair.trials.front().id;
  cluster.add_workers(2);
  cluster.submit(pair);
  cluster.join_all(id);
  const WorkerId rank0 = cluster.member(id, 0), rank1 = cluster.member(id, 1);
  const fleet::AttemptKey key = cluster.key_at(rank0, id);
  cluster.silence(rank1);
  cluster.advance(20s);
  const auto failure = [&] { return cluster.store().last_failure(id).value().value(); };
  ASSERT_EQ(failure().end, "worker_lost");
  cluster.say(rank0, fleet::SlotFree{key, {.log_tail = {"rank 0"}, .memory = {4, 5, 6}}});
  EXPECT_TRUE(failure().log_tail.empty());
  cluster.connect(rank1);
  cluster.bury(rank1);
  EXPECT_THAT(failure().log_tail, ElementsAre("killed in attempt 1"));
}

TEST_F(Liveness, ALostWorkerThatComesBackSaysWhatItsTrainerLeft) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  cluster.silence(worker);
  cluster.advance(20s);
  ASSERT_EQ(cluster.trial(trial).end, EndReason::kWorkerLost);
  cluster.connect(worker);
  cluster.bury(worker);
  const auto failure = cluster.store().last_failure(trial).value().value();
  EXPECT_EQ(failure.attempt, key.attempt);
  EXPECT_THAT(failure.log_tail, ElementsAre("killed in attempt 1"));
  EXPECT_EQ(failure.memory.resident_bytes, 1000);
}

TEST_F(Liveness, AnAttemptThatSaidHowItEndedKeepsItsWords) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  cluster.fail(worker, trial, EndReason::kTrainerCrashed, "gone");
  cluster.say(worker, fleet::SlotFree{key, {.log_tail = {"other"}, .memory = {1, 2, 3}}});
  EXPECT_THAT(cluster.store().last_failure(trial).value().value().log_tail, ElementsAre("last line"));
}

TEST_F(Liveness, AnotherSweepMayGrantAnOpenTrialMore) {
  const config::Sweep timed = make_sweep("timed", {{.variant = "A", .timeout_s = 60}});
  const TrialId id = timed.trials.front().id;
  cluster.add_worker();
  cluster.submit(timed);
  cluster.join_all(id);
  cluster.submit(make_sweep("patient", {{.variant = "A", .timeout_s = 200}}));
  cluster.submit(make_sweep("hasty", {{.variant = "A", .timeout_s = 10}}));
  cluster.advance(199s);
  EXPECT_EQ(cluster.state(id), TrialState::kRunning);
  cluster.advance(1s);
  EXPECT_EQ(cluster.reason(id), "timeout: it ran for more than its timeout of 200 s");
}

TEST_F(Liveness, AWallClockThatJumpsChangesNoLease) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  for (const auto jump : {std::chrono::hours(1), std::chrono::hours(-2), std::chrono::hours(1)}) {
    cluster.jump_wall_clock(jump);
    cluster.advance(5s);
    EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  }
  cluster.finish(trial);
  EXPECT_EQ(cluster.state(trial), TrialState::kSucceeded);
}

TEST_F(Liveness, AStallOfTheCoordinatorItselfExtendsTheLeases) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.silence(worker);
  cluster.stall(20s);
  cluster.advance(30s);
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning);
  cluster.advance(5s);
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
}

TEST_F(Liveness, AWorkerThatSaysGoodbyeGivesItsTrialBackAtOnce) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.say(worker, fleet::Goodbye{"interrupted by the user"});
  EXPECT_EQ(cluster.state(trial), TrialState::kQueued);
  EXPECT_EQ(cluster.trial(trial).end, EndReason::kPreempted);
  EXPECT_EQ(cluster.worker_view(worker).state, "lost");
  EXPECT_EQ(cluster.worker_view(worker).reason,
            "it left: interrupted by the user; it is used again when it comes back");
}

TEST_F(Liveness, ALeaderThatGivesItsSlotBackWithoutAResultIsFoundOut) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  const fleet::AttemptKey key = cluster.key_at(worker, trial);
  cluster.say(worker, fleet::SlotFree{key});
  EXPECT_EQ(cluster.state(trial), TrialState::kRunning) << "its last events may still be on their way";
  cluster.advance(30s);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2)) << "it counts as a crash and starts again";
}

TEST_F(Liveness, AKillIsRepeatedUntilTheSlotIsFree) {
  const auto workers = cluster.add_workers(2);
  const config::Sweep pair = make_sweep("pair", {{.variant = "A", .ranks = 2}});
  const TrialId id = pair.trials.front().id;
  cluster.submit(pair);
  cluster.join_all(id);
  cluster.fail(workers[0], id, EndReason::kCollectiveAborted);
  cluster.take_messages(workers[1]);
  cluster.advance(30s);
  EXPECT_EQ(only<fleet::Stop>(cluster.take_messages(workers[1])).size(), 1U);
  cluster.free_slot(workers[1], id);
  cluster.advance(30s);
  EXPECT_TRUE(only<fleet::Stop>(cluster.take_messages(workers[1])).empty());
}

TEST_F(Liveness, AnOtherProtocolIsRefusedNamingBoth) {
  fleet::Hello hello{.protocol = 2,
                     .worker = WorkerId("x"),
                     .incarnation = 1,
                     .mpi_world = "w",
                     .host = "h",
                     .address = {},
                     .device = {},
                     .build = "9.9",
                     .torch = {},
                     .attempts = {}};
  cluster.add_worker({.name = "x"});
  const FakeWorker& worker = cluster.worker(WorkerId("x"));
  cluster.disconnect(WorkerId("x"));
  cluster.take_messages(WorkerId("x"));
  cluster.change_worker(WorkerId("x"), [](FakeWorker& w) { w.session = SessionId(999); });
  cluster.apply(engine::WorkerHello{SessionId(999), hello});
  const auto messages = cluster.take_messages(WorkerId("x"));
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_EQ(std::get<fleet::Refused>(messages[0]).reason,
            "this worker (9.9) speaks protocol 2, the coordinator (0.1.0) speaks protocol 1; install the same release "
            "on both");
  EXPECT_FALSE(worker.session.has_value()) << "and it is disconnected";
}

TEST_F(Liveness, ASecondOlderProcessOnTheSameWorkDirIsRefused) {
  const WorkerId id = cluster.add_worker({.name = "x"});
  cluster.restart_worker(id);
  fleet::Hello older = cluster.worker(id).hello;
  older.incarnation = 1;
  older.attempts.clear();
  cluster.change_worker(id, [](FakeWorker& w) { w.session = SessionId(500); });
  cluster.take_messages(id);
  cluster.apply(engine::WorkerHello{SessionId(500), older});
  const auto messages = cluster.take_messages(id);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_TRUE(std::holds_alternative<fleet::Refused>(messages[0]));
  EXPECT_EQ(cluster.worker_view(id).state, "idle") << "the newer process goes on";
}

}  // namespace
}  // namespace autonorm::testing
