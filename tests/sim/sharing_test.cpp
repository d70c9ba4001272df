// Who starts next: priorities, fair sharing between sweeps, limits, and sweeps that halt on failures.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using engine::SweepAction;

struct Sharing : ::testing::Test {
  // `count` trials that no other sweep has.
  static config::Sweep own_sweep(const std::string& name, int64_t count) {
    std::vector<TrialSpec> specs;
    for (int64_t seed = 0; seed < count; ++seed)
      specs.push_back({.variant = name, .seed = static_cast<uint64_t>(seed)});
    return make_sweep(name, specs);
  }
  int64_t active(int64_t sweep) {
    const auto counts = cluster.sweep(SweepId(sweep)).counts;
    int64_t active = 0;
    for (const TrialState state : {TrialState::kAssigned, TrialState::kRunning}) {
      if (const auto it = counts.find(state); it != counts.end()) active += it->second;
    }
    return active;
  }
  // The oldest trial of the sweep that runs ends well.
  void finish_one(int64_t sweep) {
    for (const engine::TrialView& view : cluster.engine().trials(SweepId(sweep))) {
      if (view.workers.empty()) continue;
      cluster.run_to_end(view.id);
      return;
    }
    FAIL() << "sweep " << sweep << " runs nothing";
  }
  void fail_trial(const TrialId& id) {
    const WorkerId worker = cluster.member(id);
    cluster.join_all(id);
    cluster.fail(worker, id, EndReason::kBadConfig, "dim must divide by heads");
    cluster.free_slot(worker, id);
  }
  FakeCluster cluster;
};

TEST_F(Sharing, EqualSweepsShareTheSlotsEvenly) {
  cluster.add_workers(4);
  cluster.submit(own_sweep("first", 12));
  EXPECT_EQ(active(1), 4) << "alone it takes everything";
  cluster.submit(own_sweep("second", 12));
  for (int i = 0; i < 2; ++i) finish_one(1);
  EXPECT_EQ(active(1), 2);
  EXPECT_EQ(active(2), 2);
  for (int i = 0; i < 10; ++i) {
    finish_one(1 + i % 2);
    EXPECT_EQ(active(1), 2);
    EXPECT_EQ(active(2), 2);
  }
}

TEST_F(Sharing, MoreSweepsThanSlotsTakeTurns) {
  cluster.add_worker();
  for (int i = 0; i < 5; ++i) cluster.submit(own_sweep(cat("s", i), 3));
  std::vector<int64_t> order;
  for (int i = 0; i < 10; ++i) {
    for (int64_t sweep = 1; sweep <= 5; ++sweep) {
      if (active(sweep) == 0) continue;
      order.push_back(sweep);
      finish_one(sweep);
      break;
    }
  }
  EXPECT_EQ(order, (std::vector<int64_t>{1, 2, 3, 4, 5, 1, 2, 3, 4, 5}));
}

TEST_F(Sharing, SlotsAreWhatIsSharedNotTrials) {
  std::vector<TrialSpec> pairs;
  for (uint64_t seed = 0; seed < 10; ++seed) pairs.push_back({.variant = "pair", .seed = seed, .ranks = 2});
  cluster.add_workers(8);
  cluster.drain("a", engine::Drain::kAfterTrial);
  cluster.submit(make_sweep("pairs", pairs));
  cluster.submit(own_sweep("singles", 20));
  cluster.drain("a", engine::Drain::kNo);  // all of the host at once
  EXPECT_EQ(active(1), 2) << "two gangs of two";
  EXPECT_EQ(active(2), 4);
}

TEST_F(Sharing, HigherPriorityGoesFirst) {
  const WorkerId worker = cluster.add_worker();
  cluster.submit(own_sweep("low", 5));
  config::Sweep high = own_sweep("high", 2);
  high.priority = 10;
  cluster.submit(high);
  finish_one(1);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(active(2), 1);
    finish_one(2);
  }
  EXPECT_EQ(active(1), 1) << "nothing urgent is left";
}

TEST_F(Sharing, ATrialsOwnPriorityIsAddedToThatOfItsSweep) {
  config::Sweep mixed = make_sweep("mixed", {{.variant = "late", .seed = 0, .priority = -5},
                                             {.variant = "normal", .seed = 0},
                                             {.variant = "early", .seed = 0, .priority = 5}});
  config::Sweep other = own_sweep("other", 1);
  other.priority = 3;
  cluster.submit(mixed);
  cluster.submit(other);
  const WorkerId worker = cluster.add_worker();
  std::vector<TrialId> order;
  for (int i = 0; i < 4; ++i) {
    order.push_back(*cluster.worker_view(worker).trial);
    cluster.run_to_end(order.back());
  }
  EXPECT_EQ(order,
            (std::vector<TrialId>{mixed.trials[2].id, other.trials[0].id, mixed.trials[1].id, mixed.trials[0].id}));
}

TEST_F(Sharing, ASharedTrialCountsForBothSweepsAndStartsOnce) {
  cluster.submit(make_sweep("first", 3));
  cluster.submit(make_sweep("second", {{.variant = "A", .seed = 0}, {.variant = "B"}}));
  cluster.add_worker();
  EXPECT_EQ(active(1), 1) << "the shared one";
  EXPECT_EQ(active(2), 1);
  cluster.add_workers(2);
  EXPECT_EQ(active(1), 2);
  EXPECT_EQ(active(2), 2);
}

TEST_F(Sharing, MaxParallelHoldsASweepBelowItsLimitAndLeavesTheRestToOthers) {
  config::Sweep narrow = own_sweep("narrow", 10);
  narrow.max_parallel = 2;
  cluster.add_workers(5);
  cluster.submit(narrow);
  EXPECT_EQ(active(1), 2);
  cluster.submit(own_sweep("wide", 10));
  EXPECT_EQ(active(2), 3);
  for (int i = 0; i < 8; ++i) {
    finish_one(1);
    EXPECT_EQ(active(1), 2) << i;
  }
  cluster.restart();
  cluster.reconnect_all();
  EXPECT_EQ(active(1), 2);
}

TEST_F(Sharing, MaxParallelOutlivesARestart) {
  config::Sweep narrow = own_sweep("narrow", 6);
  narrow.max_parallel = 1;
  narrow.priority = 7;
  cluster.submit(narrow);
  cluster.restart();
  cluster.add_workers(3);
  EXPECT_EQ(active(1), 1);
}

TEST_F(Sharing, AHostWithoutTheDataOfManyTrialsHoldsNobodyElseUp) {
  cluster.add_worker({.host = "a"});
  cluster.submit(own_sweep("needs data", 12));
  const auto first = cluster.engine().trials(SweepId(1));
  const WorkerId far = cluster.add_worker({.host = "b"});  // there is another host, so they wait instead of failing
  cluster.drain(far.value(), engine::Drain::kNow);
  cluster.disconnect(far);
  for (int i = 0; i < 12; ++i) {
    const auto running = cluster.worker_view(WorkerId("w0")).trial;
    if (!running) break;
    cluster.join_all(*running);
    cluster.fail(WorkerId("w0"), *running, EndReason::kDataMissing, "no such folder");
    cluster.free_slot(WorkerId("w0"), *running);
  }
  cluster.submit(own_sweep("other data", 1));
  EXPECT_EQ(active(2), 1);
}

// ---- on_failure ----

TEST_F(Sharing, AfterSoManyFailuresASweepStartsNothingMoreUntilItIsResumed) {
  config::Sweep strict = own_sweep("strict", 8);
  strict.fail_fast = 2;
  cluster.add_workers(2);
  cluster.submit(strict);
  fail_trial(strict.trials[0].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
  fail_trial(strict.trials[1].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted");
  EXPECT_EQ(active(1), 1) << "the other running trial goes on";
  cluster.run_to_end(strict.trials[2].id);
  EXPECT_EQ(active(1), 0);
  cluster.restart();
  cluster.reconnect_all();
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted");
  EXPECT_EQ(active(1), 0);

  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kResume).trials_affected, 5);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
  fail_trial(strict.trials[3].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running") << "earlier failures are forgiven";
  fail_trial(strict.trials[4].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted");
}

TEST_F(Sharing, RetryGoesOnWithAHaltedSweep) {
  config::Sweep strict = own_sweep("strict", 3);
  strict.fail_fast = 1;
  cluster.add_worker();
  cluster.submit(strict);
  fail_trial(strict.trials[0].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted");
  engine::RetryTrials all;
  all.sweep = SweepId(1);
  EXPECT_EQ(cluster.retry(all).trials_affected, 1);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "running");
  fail_trial(strict.trials[0].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted") << "it counts anew";
}

TEST_F(Sharing, AGangThatFitsNowhereTakesUpNoPlaceOfItsSweep) {
  cluster.add_workers(2);
  config::Sweep narrow = make_sweep("narrow", {{.variant = "wide", .ranks = 8}, {.variant = "single"}});
  narrow.max_parallel = 1;
  cluster.submit(narrow);
  EXPECT_EQ(cluster.state(narrow.trials[0].id), TrialState::kQueued);
  EXPECT_EQ(cluster.state(narrow.trials[1].id), TrialState::kAssigned);
}

TEST_F(Sharing, AFailureThatAnotherSweepHasMendedIsNoLongerForgiven) {
  config::Sweep strict = own_sweep("strict", 5);
  strict.fail_fast = 1;
  cluster.add_workers(2);
  cluster.submit(strict);
  fail_trial(strict.trials[0].id);
  ASSERT_EQ(cluster.sweep(SweepId(1)).state, "halted");
  cluster.act(SweepId(1), SweepAction::kResume);  // one failure is forgiven
  cluster.submit(make_sweep("other", {{.variant = "strict"}}));
  cluster.run_to_end(strict.trials[1].id);
  cluster.run_to_end(strict.trials[0].id);
  ASSERT_EQ(cluster.state(strict.trials[0].id), TrialState::kSucceeded);
  fail_trial(strict.trials[2].id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "halted");
}

TEST_F(Sharing, ContinueNeverHalts) {
  cluster.add_worker();
  const config::Sweep sweep = own_sweep("patient", 5);
  cluster.submit(sweep);
  for (const auto& trial : sweep.trials) fail_trial(trial.id);
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "done");
}

TEST_F(Sharing, ASubmissionThatIsHaltedOnItsWayInStaysHaltedAndIsCompleted) {
  ClusterOptions options;
  options.limits.slice = 10;
  FakeCluster slow(options);
  const WorkerId worker = slow.add_worker();
  config::Sweep strict = own_sweep("strict", 25);
  strict.fail_fast = 1;
  slow.apply(submission(strict));
  const TrialId first = strict.trials[0].id;
  slow.join_all(first);
  slow.fail(worker, first, EndReason::kBadConfig, "dim must divide by heads");
  EXPECT_EQ(slow.sweep(SweepId(1)).state, "halted");
  slow.restart();
  ASSERT_EQ(slow.engine().interrupted().size(), 1U) << "the rest is still to be inserted";
}

}  // namespace
}  // namespace autonorm::testing
