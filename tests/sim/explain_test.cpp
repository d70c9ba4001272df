// Every trial that waits has a reason, with numbers and what would help.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

struct Explain : ::testing::Test {
  std::vector<std::string> explain(const std::string& prefix) {
    auto lines = cluster.engine().explain(prefix, cluster.now());
    if (!lines.ok()) return {lines.status().message()};
    return std::move(lines).value();
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
                "  attempt 1: rank 0 on a, rank 1 on a (not joined yet)", "  starting"}));
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
                              "  attempt 1 ended: host_oom", "  newest checkpoint: step 30"}));
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

}  // namespace
}  // namespace autonorm::testing
