// A key belongs to one call: the same call gets the same answer, any other one is refused.
#include <gtest/gtest.h>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

using engine::SweepAction;

struct Keys : ::testing::Test {
  Keys() {
    cluster.submit(first);
    cluster.submit(second);
  }
  FakeCluster cluster;
  config::Sweep first = make_sweep("first", 2);
  config::Sweep second = make_sweep("second", {{.variant = "B"}});
};

TEST_F(Keys, AnotherVerbIsRefusedNamingTheFirst) {
  EXPECT_TRUE(cluster.act(SweepId(1), SweepAction::kPause, "k").status.ok());
  const engine::ActReply refused = cluster.act(SweepId(1), SweepAction::kCancel, "k");
  EXPECT_EQ(refused.status.code(), Code::kConflict);
  EXPECT_EQ(refused.status.message(),
            "idempotency key 'k' was used for: pause of sweep 1; this is: cancel of sweep 1; use a new key for each "
            "new call");
  EXPECT_EQ(cluster.sweep(SweepId(1)).state, "paused") << "nothing was done";
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "k"}).status.code(), Code::kConflict);
  EXPECT_EQ(cluster.submit(second, false, "k").status.code(), Code::kConflict);
  cluster.add_worker();
  EXPECT_EQ(cluster.drain("w0", engine::Drain::kNow, "k").status.code(), Code::kConflict);
  EXPECT_EQ(cluster.worker_view(WorkerId("w0")).state, "busy");
}

TEST_F(Keys, OtherArgumentsAreRefused) {
  EXPECT_TRUE(cluster.act(SweepId(1), SweepAction::kPause, "p").status.ok());
  EXPECT_EQ(cluster.act(SweepId(2), SweepAction::kPause, "p").status.code(), Code::kConflict);
  EXPECT_EQ(cluster.sweep(SweepId(2)).state, "running");
  EXPECT_TRUE(cluster.retry({.sweep = SweepId(1), .variant = "A", .idempotency_key = "r"}).status.ok());
  EXPECT_EQ(cluster.retry({.sweep = SweepId(1), .idempotency_key = "r"}).status.message(),
            "idempotency key 'r' was used for: retry of sweep 1, variant 'A'; this is: retry of sweep 1; use a new key "
            "for each new call");
  EXPECT_TRUE(cluster.submit(first, false, "s").status.ok());
  EXPECT_EQ(cluster.submit(first, true, "s").status.code(), Code::kConflict) << "--fresh is another call";
  EXPECT_EQ(cluster.submit(second, false, "s").status.code(), Code::kConflict);
  EXPECT_EQ(cluster.submit(first, false, "s").sweep, SweepId(1));
}

TEST_F(Keys, ARefusedCallTakesNoKey) {
  EXPECT_FALSE(cluster.act(SweepId(9), SweepAction::kPause, "k").status.ok());
  EXPECT_TRUE(cluster.act(SweepId(1), SweepAction::kPause, "k").status.ok());
}

TEST_F(Keys, AllOfItAlsoAfterARestart) {
  const engine::ActReply paused = cluster.act(SweepId(1), SweepAction::kPause, "k");
  cluster.restart();
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kPause, "k").trials_affected, paused.trials_affected);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kResume, "k").status.code(), Code::kConflict);
}

TEST_F(Keys, ACallThatIsStillUnderWayHasItsKeyToo) {
  engine::Limits small;
  small.slice = 1;
  FakeCluster slow({.limits = small});
  slow.submit(make_sweep("many", 6));
  slow.apply(engine::ActOnSweep{100, SweepId(1), SweepAction::kCancel, "k"});  // its first slice
  slow.apply(engine::RetryTrials{.request = 101, .sweep = SweepId(1), .idempotency_key = "k"});
  EXPECT_EQ(slow.answer(101).status.code(), Code::kConflict);
  EXPECT_EQ(slow.act(SweepId(1), SweepAction::kCancel, "k").trials_affected, 6) << "the same call waits for it";
}

TEST_F(Keys, AnswersOfOthersAreKept) {
  const auto kept = [&](const std::string& call) { return cluster.engine().kept_answer("b", call); };
  EXPECT_EQ(kept("backup to /a").value(), std::nullopt);
  cluster.apply(engine::KeepAnswer{100, {.key = "b", .call = "backup to /a", .answer = "{\"bytes\":\"7\"}"}});
  EXPECT_TRUE(cluster.answer(100).status.ok());
  cluster.restart();
  EXPECT_EQ(kept("backup to /a").value(), "{\"bytes\":\"7\"}");
  EXPECT_EQ(kept("backup to /b").status().code(), Code::kConflict);
  EXPECT_EQ(cluster.act(SweepId(1), SweepAction::kPause, "b").status.code(), Code::kConflict);
}

}  // namespace
}  // namespace autonorm::testing
