// What becomes of a trial after each end reason; quarantine.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Retries : ::testing::Test {
  // One attempt that ends so; the slot is given back.
  void fail_once(EndReason reason, const std::string& message = "it broke") {
    cluster.join_all(trial);
    const WorkerId worker = cluster.member(trial);
    cluster.fail(worker, trial, reason, message);
    cluster.free_slot(worker, trial);
  }

  FakeCluster cluster;
  config::Sweep sweep = make_sweep("one", 1);
  TrialId trial = sweep.trials.front().id;
};

class NeverAgain : public Retries, public ::testing::WithParamInterface<EndReason> {};
TEST_P(NeverAgain, FailsAtOnce) {
  cluster.add_worker();
  cluster.submit(sweep);
  fail_once(GetParam(), "why");
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
  EXPECT_EQ(cluster.reason(trial), cat(name(GetParam()), ": why"));
}
INSTANTIATE_TEST_SUITE_P(Reasons, NeverAgain,
                         ::testing::Values(EndReason::kBadConfig, EndReason::kDataCorrupt, EndReason::kTimeout));

class Counted : public Retries, public ::testing::WithParamInterface<EndReason> {};
TEST_P(Counted, FailsAfterThreeAttempts) {
  cluster.add_worker();
  cluster.submit(sweep);
  fail_once(GetParam());
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(2));
  fail_once(GetParam());
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(3));
  fail_once(GetParam());
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
  EXPECT_EQ(cluster.trial(trial).end, GetParam());
}
INSTANTIATE_TEST_SUITE_P(Reasons, Counted,
                         ::testing::Values(EndReason::kHostOom, EndReason::kDeviceOom, EndReason::kTrainerCrashed,
                                           EndReason::kCollectiveAborted, EndReason::kStalled));

TEST_F(Retries, LostWorkersAreNotCountedUpToFifty) {
  cluster.add_worker();
  cluster.submit(sweep);
  for (int i = 0; i < 50; ++i) fail_once(EndReason::kWorkerLost);
  EXPECT_EQ(cluster.trial(trial).attempt, Attempt(51));
  cluster.restart();
  cluster.reconnect_all();
  fail_once(EndReason::kWorkerLost, "it went away");
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
  EXPECT_EQ(
      cluster.reason(trial),
      "worker_lost: it went away; given up after 51 attempts that were lost or broke off after a checkpoint: 51 on "
      "worker w0 on a; see what is wrong there, then: coordinator retry");
}

TEST_F(Retries, AnAttemptThatAdvancedTheCheckpointIsNotCounted) {
  cluster.add_worker();
  cluster.submit(sweep);
  for (int64_t attempt = 1; attempt <= 5; ++attempt) {
    cluster.join_all(trial);
    cluster.checkpoint(trial, attempt * 10);
    const WorkerId worker = cluster.member(trial);
    cluster.fail(worker, trial, EndReason::kTrainerCrashed);
    cluster.free_slot(worker, trial);
    EXPECT_EQ(cluster.trial(trial).attempt, Attempt(static_cast<int32_t>(attempt) + 1));
  }
  for (int i = 0; i < 3; ++i) fail_once(EndReason::kTrainerCrashed);  // no progress: counted
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
}

TEST_F(Retries, TheNextAttemptStartsFromTheNewestCheckpoint) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.checkpoint(trial, 10);
  cluster.checkpoint(trial, 20);
  cluster.take_messages(worker);
  cluster.fail(worker, trial, EndReason::kTrainerCrashed);
  cluster.free_slot(worker, trial);
  const auto start = std::get<fleet::Start>(cluster.take_messages(worker).back());
  ASSERT_TRUE(start.resume.has_value());
  EXPECT_EQ(start.resume->step, 20);
  EXPECT_EQ(start.resume->manifest, artifact_hash(cat(trial, "/step-20")));
}

TEST_F(Retries, AnotherWorkerIsPreferred) {
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  const WorkerId first = cluster.member(trial);
  fail_once(EndReason::kDeviceOom);
  EXPECT_NE(cluster.member(trial), first);
}

TEST_F(Retries, TheSameWorkerIsUsedWhenThereIsNoOther) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  fail_once(EndReason::kDeviceOom);
  EXPECT_EQ(cluster.member(trial), worker);
}

// Slots come free one by one, and others wait for them too.
struct PassedOver : Retries {
  PassedOver() {
    cluster.add_workers(2);
    cluster.submit(busy);
    fail_first();
    EXPECT_EQ(cluster.state(first), TrialState::kQueued) << "the worker where it failed goes to the next in line";
  }
  void fail_first() {
    cluster.join_all(first);
    const WorkerId worker = cluster.member(first);
    cluster.fail(worker, first, EndReason::kTrainerCrashed);
    cluster.free_slot(worker, first);
  }
  const TrialId& id(size_t trial) const { return busy.trials[trial].id; }

  config::Sweep busy = make_sweep("busy", 8);
  TrialId first = busy.trials.front().id;
};

TEST_F(PassedOver, NotOnceItHasFailedOnEveryWorker) {
  cluster.run_to_end(id(1));
  ASSERT_EQ(cluster.state(first), TrialState::kAssigned);
  fail_first();
  cluster.run_to_end(id(2));
  EXPECT_EQ(cluster.state(first), TrialState::kAssigned) << "there is no worker left to hope for";
}

TEST_F(PassedOver, ForAMinuteWhileTheOtherWorkerIsBusy) {
  cluster.restarts_matter("the minute begins again");
  cluster.join_all(id(1));
  cluster.run_to_end(id(2));
  EXPECT_EQ(cluster.state(first), TrialState::kQueued);
  cluster.join_all(id(3));
  cluster.advance(60s);
  cluster.finish(id(3));
  EXPECT_EQ(cluster.state(first), TrialState::kAssigned);
}

TEST_F(Retries, MissingDataIsTriedOnceOnEachOtherHost) {
  cluster.add_worker({.host = "a", .world = "x"});
  cluster.add_worker({.host = "a", .world = "x"});
  cluster.add_worker({.host = "b", .world = "y"});
  cluster.submit(sweep);
  const std::string first = cluster.trial(trial).host;
  fail_once(EndReason::kDataMissing, "no folder /data/mnist");
  ASSERT_EQ(cluster.state(trial), TrialState::kAssigned);
  EXPECT_NE(cluster.trial(trial).host, first) << "never the same host again";
  fail_once(EndReason::kDataMissing, "no folder /data/mnist");
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
  EXPECT_EQ(cluster.reason(trial),
            "data_missing: no folder /data/mnist; tried on a, b, and no other host is left to try: put the data there, "
            "then: coordinator retry");
}

TEST_F(Retries, MaxAttemptsOfTheTrialIsRespected) {
  const config::Sweep once = make_sweep("once", {{.variant = "A", .max_attempts = 1}});
  trial = once.trials.front().id;
  cluster.add_worker();
  cluster.submit(once);
  fail_once(EndReason::kTrainerCrashed);
  EXPECT_EQ(cluster.state(trial), TrialState::kFailed);
}

struct Quarantine : ::testing::Test {
  void crash(const TrialId& trial, const WorkerId& worker) {
    cluster.join_all(trial);
    cluster.fail(worker, trial, EndReason::kTrainerCrashed, "signal 11");
    cluster.free_slot(worker, trial);
  }
  FakeCluster cluster;
  config::Sweep sweep = make_sweep("many", {{.variant = "A", .seed = 0, .max_attempts = 1},
                                            {.variant = "A", .seed = 1, .max_attempts = 1},
                                            {.variant = "A", .seed = 2, .max_attempts = 1},
                                            {.variant = "A", .seed = 3, .max_attempts = 1}});
};

TEST_F(Quarantine, ThreeDifferentTrialsThatCrashTakeAWorkerOut) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  for (size_t i = 0; i < 3; ++i) crash(sweep.trials[i].id, worker);
  EXPECT_EQ(cluster.worker_view(worker).state, "quarantined");
  EXPECT_EQ(cluster.worker_view(worker).reason,
            cat("3 trainer crashes of 3 trials in 10 min, the last one of trial ", short_form(sweep.trials[2].id),
                "; check the machine, then restart the worker"));
  EXPECT_EQ(cluster.state(sweep.trials[3].id), TrialState::kQueued);
  EXPECT_EQ(cluster.reason(sweep.trials[3].id),
            cat("worker ", worker, " quarantined: ", cluster.worker_view(worker).reason));
  cluster.restart();
  cluster.connect(worker);
  EXPECT_EQ(cluster.worker_view(worker).state, "quarantined") << "a restart of the coordinator does not forget it";
  cluster.restart_worker(worker);
  EXPECT_EQ(cluster.state(sweep.trials[3].id), TrialState::kAssigned);
}

TEST_F(Quarantine, OneTrialThatCrashesAgainAndAgainIsNotTheWorkersFault) {
  const config::Sweep one = make_sweep("one", {{.variant = "bad", .max_attempts = 9}});
  const WorkerId worker = cluster.add_worker();
  cluster.submit(one);
  for (int i = 0; i < 5; ++i) crash(one.trials[0].id, worker);
  EXPECT_NE(cluster.worker_view(worker).state, "quarantined");
}

TEST_F(Quarantine, ASuccessInBetweenClearsTheSuspicion) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  crash(sweep.trials[0].id, worker);
  crash(sweep.trials[1].id, worker);
  cluster.run_to_end(sweep.trials[2].id);
  crash(sweep.trials[3].id, worker);
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
}

TEST_F(Quarantine, CrashesFarApartDoNotAddUp) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  for (size_t i = 0; i < 3; ++i) {
    cluster.join_all(sweep.trials[i].id);
    cluster.advance(6min);
    cluster.fail(worker, sweep.trials[i].id, EndReason::kTrainerCrashed, "signal 11");
    cluster.free_slot(worker, sweep.trials[i].id);
  }
  EXPECT_NE(cluster.worker_view(worker).state, "quarantined");
}

TEST_F(Quarantine, ARestartOfTheCoordinatorForgetsNoCrash) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  crash(sweep.trials[0].id, worker);
  crash(sweep.trials[1].id, worker);
  cluster.restart();
  cluster.connect(worker);
  crash(sweep.trials[2].id, worker);
  EXPECT_EQ(cluster.worker_view(worker).state, "quarantined");
  EXPECT_EQ(cluster.worker_view(worker).reason,
            cat("3 trainer crashes of 3 trials in 10 min, the last one of trial ", short_form(sweep.trials[2].id),
                "; check the machine, then restart the worker"));
}

TEST_F(Quarantine, ARestartOfTheCoordinatorCountsNoCrashBeforeASuccess) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  crash(sweep.trials[0].id, worker);
  crash(sweep.trials[1].id, worker);
  cluster.run_to_end(sweep.trials[2].id);
  cluster.restart();
  cluster.connect(worker);
  crash(sweep.trials[3].id, worker);
  EXPECT_EQ(cluster.worker_view(worker).state, "idle");
}

TEST_F(Quarantine, ARestartOfTheCoordinatorCountsNoCrashOfAnEarlierProcessOfTheWorker) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  crash(sweep.trials[0].id, worker);
  crash(sweep.trials[1].id, worker);
  cluster.restart_worker(worker);
  cluster.restart();
  cluster.connect(worker);
  crash(sweep.trials[2].id, worker);
  EXPECT_NE(cluster.worker_view(worker).state, "quarantined");
}

TEST_F(Quarantine, ARestartOfTheCoordinatorCountsNoCrashOfLongAgo) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  crash(sweep.trials[0].id, worker);
  crash(sweep.trials[1].id, worker);
  cluster.join_all(sweep.trials[2].id);
  cluster.advance(9min);
  cluster.restart();
  cluster.connect(worker);
  cluster.advance(2min);
  cluster.fail(worker, sweep.trials[2].id, EndReason::kTrainerCrashed, "signal 11");
  cluster.free_slot(worker, sweep.trials[2].id);
  EXPECT_NE(cluster.worker_view(worker).state, "quarantined");
}

}  // namespace
}  // namespace autonorm::testing
