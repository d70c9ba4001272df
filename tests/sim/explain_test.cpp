// Every trial that waits has a reason, with numbers and what would help.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Explain : ::testing::Test {
  std::vector<std::string> explain(const std::string& prefix) {
    auto lines = cluster.engine().explain(prefix, cluster.now());
    if (!lines.ok()) return {lines.status().message()};
    return std::move(lines->lines);
  }
  FakeCluster cluster;
};

TEST_F(Explain, NoWorkerIsConnected) {
  const config::Sweep sweep = make_sweep("one", 1);
  cluster.submit(sweep);
  EXPECT_EQ(explain(short_form(sweep.trials[0].id)),
            (std::vector<std::string>{
                cat("trial ", short_form(sweep.trials[0].id), " (A, data.name = digits, seed 0, sweep 1): queued"),
                "  no worker is connected; start one with: mpirun -np 1 worker"}));
}

TEST_F(Explain, EightRanksWithTwoWorkers) {
  const config::Sweep sweep = make_sweep("big", {{.variant = "wide", .ranks = 8}});
  cluster.add_workers(2);
  cluster.submit(sweep);
  EXPECT_EQ(explain("wide").at(1),
            "  needs 8 slots in one MPI world; the largest has 2 (host a); start more with: mpirun -np 8 worker");
  cluster.advance(60s);
  EXPECT_EQ(cluster.state(sweep.trials[0].id), TrialState::kQueued) << "the sweep waits";
  cluster.add_workers(6);
  EXPECT_EQ(cluster.state(sweep.trials[0].id), TrialState::kAssigned);
}

TEST_F(Explain, TheRightDeviceIsMissing) {
  const config::Sweep sweep = make_sweep("gpu", {{.variant = "gpu", .device = "cuda"}});
  cluster.add_workers(2);
  cluster.submit(sweep);
  EXPECT_EQ(cluster.reason(sweep.trials[0].id),
            "needs a cuda device; the connected workers have cpu (2); start one on a machine that has it with: mpirun "
            "-np 1 worker");
}

TEST_F(Explain, EverySlotIsBusyAndTheQueueIsCounted) {
  const config::Sweep sweep = make_sweep("many", 4);
  cluster.add_worker();
  cluster.submit(sweep);
  EXPECT_EQ(cluster.reason(sweep.trials[1].id), "waits for a free slot: 1 of 1 is busy; it is the next in the queue");
  EXPECT_EQ(cluster.reason(sweep.trials[3].id),
            "waits for a free slot: 1 of 1 is busy; 2 trials are ahead of it in the queue");
}

TEST_F(Explain, ARunningTrialSaysWhereItRuns) {
  const config::Sweep sweep = make_sweep("pair", {{.variant = "pair", .ranks = 2}});
  const auto workers = cluster.add_workers(2);
  cluster.submit(sweep);
  cluster.emit(workers[0], sweep.trials[0].id, fleet::Ready{"joined", ""});
  EXPECT_EQ(explain("pair"),
            (std::vector<std::string>{
                cat("trial ", short_form(sweep.trials[0].id), " (pair, data.name = digits, seed 0, sweep 1): assigned"),
                "  attempt 1: rank 0 on a, rank 1 on a (not joined yet)",
                "  starting: 1 of 2 ranks have joined; tried again should it take more than 120 s"}));
}

TEST_F(Explain, ARetryTellsWhatHappenedBefore) {
  const config::Sweep sweep = make_sweep("one", 1);
  const TrialId trial = sweep.trials[0].id;
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(trial);
  cluster.checkpoint(trial, 30);
  cluster.fail(worker, trial, EndReason::kHostOom, "killed by the system: out of memory");
  EXPECT_EQ(explain("A"), (std::vector<std::string>{
                              cat("trial ", short_form(trial), " (A, data.name = digits, seed 0, sweep 1): queued"),
                              "  waits for a free slot: 1 of 1 is busy; it is the next in the queue (attempt 1 ended: "
                              "killed by the system: out of memory)",
                              "  newest checkpoint: step 30"}));
}

TEST_F(Explain, AnUnknownNameGetsASuggestion) {
  EXPECT_EQ(explain("RMSNrom").at(0), "no trial matches 'RMSNrom': nothing was submitted yet");
  cluster.submit(make_sweep("norms", {{.variant = "RMSNorm"}}));
  EXPECT_EQ(explain("RMSNrom").at(0),
            "no trial id starts with 'RMSNrom' and no variant is called so; did you mean 'RMSNorm'?");
  EXPECT_EQ(explain("").at(0), "which trial? give the start of its id, or the name of a variant");
}

TEST_F(Explain, AWorkerWithoutItsConnectionIsShown) {
  const WorkerId worker = cluster.add_worker();
  cluster.disconnect(worker);
  EXPECT_EQ(cluster.worker_view(worker).reason, "its connection is gone; its lease runs on");
  EXPECT_NEAR(cluster.worker_view(worker).lease_left_s, 15.0, 1e-9);
}

TEST_F(Explain, TheTimeLeftComesFromFinishedTrialsAndSlots) {
  const config::Sweep sweep = make_sweep("many", 3);
  cluster.add_worker();
  cluster.submit(sweep);
  EXPECT_FALSE(cluster.sweep(SweepId(1)).eta_s.has_value());
  cluster.join_all(sweep.trials[0].id);
  cluster.advance(10s);
  cluster.finish(sweep.trials[0].id);
  ASSERT_TRUE(cluster.sweep(SweepId(1)).eta_s.has_value());
  EXPECT_NEAR(*cluster.sweep(SweepId(1)).eta_s, 20.0, 1e-9);
}

TEST_F(Explain, TheTimeLeftIsNotKnownForWhatCannotRun) {
  const config::Sweep sweep = make_sweep("many", 3);
  cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(sweep.trials[0].id);
  cluster.advance(10s);
  cluster.finish(sweep.trials[0].id);
  cluster.submit(make_sweep("pair", {{.variant = "pair", .ranks = 2}}));
  EXPECT_FALSE(cluster.sweep(SweepId(2)).eta_s.has_value()) << "no world has two slots";
  cluster.act(SweepId(1), engine::SweepAction::kPause);
  EXPECT_FALSE(cluster.sweep(SweepId(1)).eta_s.has_value());
}

TEST_F(Explain, OlderSweepsWithSuchATrialAreMentioned) {
  cluster.submit(make_sweep("many", 300));
  cluster.submit(make_sweep("few", {{.variant = "Z"}}));
  const std::string digit = cluster.engine().trials(SweepId(2)).front().id.value().substr(0, 1);
  EXPECT_TRUE(explain(digit).back().ends_with(" more in older sweeps; give more of the id")) << explain(digit).back();
}

// ---- every cause, with what would help ----

TEST_F(Explain, APausedSweep) {
  cluster.submit(make_sweep("one", 1));
  cluster.act(SweepId(1), engine::SweepAction::kPause);
  EXPECT_EQ(explain("A").at(1), "  sweep 1 paused by user; go on with: coordinator resume 1");
}

TEST_F(Explain, AHaltedSweep) {
  config::Sweep strict = make_sweep("strict", 2);
  strict.fail_fast = 1;
  const WorkerId worker = cluster.add_worker();
  cluster.submit(strict);
  cluster.join_all(strict.trials[0].id);
  cluster.fail(worker, strict.trials[0].id, EndReason::kBadConfig, "dim must divide by heads");
  cluster.free_slot(worker, strict.trials[0].id);
  EXPECT_EQ(cluster.reason(strict.trials[1].id),
            "sweep 1 halted: 1 failed, its file says fail_fast = 1; go on with: coordinator retry 1, or without them: "
            "coordinator resume 1");
}

TEST_F(Explain, MaxParallelNamesTheTrialThatMakesRoom) {
  config::Sweep narrow = make_sweep("narrow", 2);
  narrow.max_parallel = 1;
  cluster.add_workers(2);
  cluster.submit(narrow);
  const auto lines = explain(narrow.trials[1].id.value());
  EXPECT_EQ(lines.at(1), "  held by max_parallel = 1 of sweep 1: 1 of its trials is running");
  EXPECT_EQ(lines.at(2), cat("  starts when trial ", short_form(narrow.trials[0].id), " ends"));
}

TEST_F(Explain, APlaceThatAGangIsToHaveIsNotForWhatComesAfterIt) {
  cluster.add_workers(2);
  cluster.submit(make_sweep("other", 1));
  config::Sweep narrow = make_sweep("narrow", {{.variant = "pair", .ranks = 2}, {.variant = "single"}});
  narrow.max_parallel = 1;
  cluster.submit(narrow);
  EXPECT_EQ(cluster.state(narrow.trials[1].id), TrialState::kQueued) << "small trials would starve the gang";
  EXPECT_EQ(explain("single").at(1),
            "  held by max_parallel = 1 of sweep 2: 0 of its trials are running; 1 trial is ahead of it in the queue");
}

TEST_F(Explain, ABusySlotIsFreeWhenItsTrialEndsWhichItsSpeedPredicts) {
  const config::Sweep sweep = make_sweep("many", 3);
  const WorkerId worker = cluster.add_worker();
  cluster.submit(sweep);
  cluster.join_all(sweep.trials[0].id);
  cluster.advance(10s);
  cluster.say(worker, fleet::Heartbeat{{{.key = cluster.key_at(worker, sweep.trials[0].id),
                                         .step = 10,
                                         .total_steps = 210,
                                         .phase = "training",
                                         .loss = 1,
                                         .samples_per_s = 1,
                                         .tick_age_ms = 0}}});
  EXPECT_EQ(explain(sweep.trials[1].id.value()).at(2),
            cat("  starts when trial ", short_form(sweep.trials[0].id), " ends, in about 4 min"));
}

TEST_F(Explain, AGangNamesTheEndThatLeavesEnoughSlots) {
  const config::Sweep sweep = make_sweep("gang", {{.variant = "one"}, {.variant = "pair", .ranks = 2}});
  cluster.add_workers(2);
  cluster.submit(sweep);
  EXPECT_EQ(cluster.state(sweep.trials[1].id), TrialState::kQueued);
  EXPECT_EQ(explain("pair").at(1),
            "  waits for 2 free slots in one MPI world: 1 of 2 is free, at most 1 in one world; it is the next in the "
            "queue");
  EXPECT_EQ(explain("pair").at(2), cat("  starts when trial ", short_form(sweep.trials[0].id), " ends"));
}

TEST_F(Explain, AStageNamesItsProgress) {
  const config::Sweep staged = make_sweep("staged", {{.variant = "student", .stage = "teacher"}});
  const WorkerId worker = cluster.add_worker();
  const TrialId teacher = staged.trials[0].id;
  cluster.submit(staged);
  cluster.join_all(teacher);
  cluster.advance(40s);
  cluster.say(worker, fleet::Heartbeat{{{.key = cluster.key_at(worker, teacher),
                                         .step = 40,
                                         .total_steps = 100,
                                         .phase = "training",
                                         .loss = 1,
                                         .samples_per_s = 1,
                                         .tick_age_ms = 0}}});
  EXPECT_EQ(explain("student").at(1),
            cat("  waits for stage teacher, 40 % done (trial ", short_form(teacher), ", running, step 40/100)"));
  EXPECT_EQ(explain("student").at(2), cat("  starts when trial ", short_form(teacher), " ends, in about 60 s"));
}

TEST_F(Explain, DrainedWorkers) {
  cluster.add_worker();
  cluster.drain("w0", engine::Drain::kAfterTrial);
  const config::Sweep sweep = make_sweep("many", 4);
  cluster.submit(sweep);
  EXPECT_EQ(cluster.reason(sweep.trials[0].id), "1 worker is drained; use it again with: coordinator undrain w0");
}

TEST_F(Explain, DataThatIsMissingEverywhereButElsewhere) {
  const config::Sweep sweep = make_sweep("one", 1);
  const WorkerId a = cluster.add_worker();
  const WorkerId b = cluster.add_worker({.host = "b"});
  cluster.submit(sweep);
  const WorkerId first = cluster.member(sweep.trials[0].id);
  cluster.join_all(sweep.trials[0].id);
  cluster.fail(first, sweep.trials[0].id, EndReason::kDataMissing, "no such folder");
  cluster.free_slot(first, sweep.trials[0].id);
  cluster.disconnect(first == a ? b : a);
  cluster.advance(16s);
  EXPECT_TRUE(cluster.reason(sweep.trials[0].id).starts_with("its data is missing on "))
      << cluster.reason(sweep.trials[0].id);
}

TEST_F(Explain, IdenticalFailuresAreOneGroup) {
  const WorkerId worker = cluster.add_worker();
  const config::Sweep sweep = make_sweep("many", 5);
  cluster.submit(sweep);
  for (size_t i = 0; i < 4; ++i) {
    cluster.join_all(sweep.trials[i].id);
    cluster.fail(worker, sweep.trials[i].id, EndReason::kBadConfig,
                 i == 2 ? "dim must divide by heads" : cat("step ", i, ": no such file /data/x", i, "\nmore"));
    cluster.free_slot(worker, sweep.trials[i].id);
  }
  const auto groups = cluster.sweep(SweepId(1)).failures;
  ASSERT_EQ(groups.size(), 2U);
  EXPECT_EQ(groups[0].count, 3);
  EXPECT_EQ(groups[0].text, "step 0: no such file /data/x0") << "the first line of the oldest";
  EXPECT_EQ(groups[0].example, sweep.trials[0].id);
  EXPECT_EQ(groups[1].text, "dim must divide by heads");
  cluster.restart();
  EXPECT_EQ(cluster.sweep(SweepId(1)).failures.size(), 2U);
}

}  // namespace
}  // namespace autonorm::testing
