// Retry and DrainWorker of a running server, over real connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/eventually.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

using testing::eventually;
using ::testing::HasSubstr;

struct RetryAndDrain : ::testing::Test {
  RunningServer server;
  std::unique_ptr<cli::ControlClient> client = server.client();
  FakeWorker worker{server.address()};

  void SetUp() override {
    worker.send(hello_of("w0"));
    worker.next<fleet::Welcome>();
    ASSERT_TRUE(client->submit(small_sweep(), false, "submit").ok());
  }

  fleet::Start next_start() { return worker.next<fleet::Start>(); }
  void finish(const fleet::Start& start) {
    worker.complete(start, 0.9);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  int64_t count(TrialState state) {
    const auto sweeps = client->sweeps();
    const auto& counts = sweeps->at(0).counts;
    const auto found = counts.find(state);
    return found == counts.end() ? 0 : found->second;
  }
  std::string state_of_worker() { return client->workers()->at(0).state; }
  Result<int64_t> retry(const engine::RetryTrials& what) { return client->retry("small", what); }
};

TEST_F(RetryAndDrain, AFailedTrialStartsAgainWithTheNextAttemptAndResultsStay) {
  const fleet::Start first = next_start();
  worker.fail(first);
  finish(next_start());
  const auto retried = retry({.idempotency_key = "retry"});
  ASSERT_TRUE(retried.ok()) << retried.status().message();
  EXPECT_EQ(*retried, 1);
  const fleet::Start again = next_start();
  EXPECT_EQ(again.key.trial, first.key.trial);
  EXPECT_EQ(again.key.attempt, Attempt(2));
  finish(again);
  const auto nothing = retry({.idempotency_key = "retry once more"});
  ASSERT_TRUE(nothing.ok());
  EXPECT_EQ(*nothing, 0);
}

TEST_F(RetryAndDrain, ATrialOrAVariantCanBeNamed) {
  const fleet::Start first = next_start(), second = [&] {
    worker.fail(first);
    return next_start();
  }();
  worker.fail(second);
  ASSERT_TRUE(eventually([&] { return count(TrialState::kFailed) == 2; }));
  const auto by_variant = retry({.variant = "LayerNorm", .idempotency_key = "a"});
  ASSERT_TRUE(by_variant.ok()) << by_variant.status().message();
  EXPECT_EQ(*by_variant, 1);
  const fleet::Start again = next_start();
  const auto open = retry({.trial = again.key.trial.value().substr(0, 12), .idempotency_key = "b"});
  EXPECT_EQ(open.status().code(), Code::kConflict);
  EXPECT_THAT(open.status().message(), HasSubstr("only failed and cancelled trials are retried"));
  EXPECT_THAT(retry({.variant = "LayerNrm", .idempotency_key = "c"}).status().message(),
              HasSubstr("no variant 'LayerNrm'; it has 'LayerNorm'"));
}

TEST_F(RetryAndDrain, ADrainedWorkerFinishesItsTrialAndGetsNoOther) {
  const fleet::Start start = next_start();
  const auto drained = client->drain("w0", engine::Drain::kAfterTrial, "drain");
  ASSERT_TRUE(drained.ok()) << drained.status().message();
  EXPECT_EQ(drained->workers_affected, 1);
  EXPECT_EQ(drained->trials_affected, 1);
  EXPECT_EQ(state_of_worker(), "draining");
  finish(start);
  EXPECT_TRUE(eventually([&] { return state_of_worker() == "drained"; }));
  EXPECT_EQ(count(TrialState::kQueued), 1) << "the other trial waits";
  ASSERT_TRUE(client->drain("w0", engine::Drain::kNo, "undrain").ok());
  finish(next_start());
}

TEST_F(RetryAndDrain, DrainNowAsksForACheckpointAndThatIsNoFailure) {
  const fleet::Start start = next_start();
  worker.send(fleet::Event{start.key, Seq(1), fleet::Ready{"listening", "127.0.0.1:1"}});
  worker.send(fleet::Event{start.key, Seq(2), fleet::Ready{"joined", ""}});
  ASSERT_TRUE(eventually([&] { return count(TrialState::kRunning) == 1; }));
  ASSERT_TRUE(client->drain("w0", engine::Drain::kNow, "drain").ok());
  const auto stop = worker.next<fleet::Stop>();
  EXPECT_EQ(stop.key, start.key);
  EXPECT_EQ(stop.mode, fleet::StopMode::kCheckpointThenStop);
  fleet::Failed preempted;
  preempted.reason = EndReason::kPreempted;
  worker.send(fleet::Event{start.key, Seq(3), preempted});
  worker.send(fleet::SlotFree{start.key});
  EXPECT_TRUE(eventually([&] { return count(TrialState::kQueued) == 2; }));
  EXPECT_TRUE(client->sweeps()->at(0).failures.empty());
}

TEST_F(RetryAndDrain, AnUnknownWorkerIsNamed) {
  EXPECT_EQ(client->drain("nobody", engine::Drain::kNow, "drain").status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace autonorm::server
