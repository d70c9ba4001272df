// The Control service of a running server, through the command line's client.
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/server/version.h"
#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

TEST(Control, TheSameFileIsTheSameSweep) {
  RunningServer server;
  const auto client = server.client();
  const auto first = client->submit(small_sweep(2), false, "a");
  ASSERT_TRUE(first.ok()) << first.status().message();
  EXPECT_EQ(first->trials, 4);
  EXPECT_EQ(first->new_trials, 4);
  EXPECT_FALSE(first->existed);
  const auto again = client->submit(small_sweep(2), false, "b");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->sweep, first->sweep);
  EXPECT_TRUE(again->existed);
  EXPECT_EQ(client->sweeps()->size(), 1u);
}

TEST(Control, ARepeatedCallGetsTheFirstAnswer) {
  RunningServer server;
  const auto client = server.client();
  const auto first = client->submit(small_sweep(2), false, "same key");
  const auto again = client->submit(small_sweep(2), false, "same key");
  ASSERT_TRUE(first.ok() && again.ok());
  EXPECT_EQ(again->sweep, first->sweep);
  EXPECT_EQ(again->existed, first->existed);
  EXPECT_EQ(again->new_trials, first->new_trials);
}

TEST(Control, AMutationNeedsAKey) {
  RunningServer server;
  EXPECT_EQ(server.client()->submit(small_sweep(), false, "").status().message(),
            "idempotency_key must have 1 to 200 characters");
}

TEST(Control, AWrongSweepFileIsRefusedWithAllItsErrors) {
  RunningServer server;
  auto source = small_sweep();
  auto& text = source.files.at("small.toml");
  text.replace(text.find("epochs"), 6, "epoch");
  text.replace(text.find("patch"), 5, "petch");
  const auto submitted = server.client()->submit(source, false, "a");
  EXPECT_EQ(submitted.status().code(), Code::kInvalid);
  EXPECT_NE(submitted.status().message().find("epochs"), std::string::npos) << submitted.status().message();
  EXPECT_NE(submitted.status().message().find("patch"), std::string::npos) << submitted.status().message();
}

TEST(Control, PauseResumeAndCancelChangeTheSweep) {
  RunningServer server;
  const auto client = server.client();
  ASSERT_TRUE(client->submit(small_sweep(), false, "a").ok());
  ASSERT_TRUE(client->act(engine::SweepAction::kPause, "small", "b").ok());
  EXPECT_EQ(client->sweeps()->at(0).state, "paused");
  ASSERT_TRUE(client->act(engine::SweepAction::kResume, "1", "c").ok());
  EXPECT_EQ(client->sweeps()->at(0).state, "running");
  const auto cancelled = client->act(engine::SweepAction::kCancel, "1", "d");
  ASSERT_TRUE(cancelled.ok());
  EXPECT_EQ(cancelled->sweep, SweepId(1));
  EXPECT_EQ(cancelled->trials_affected, 2);
  EXPECT_EQ(client->sweeps()->at(0).state, "cancelled");
}

TEST(Control, UnknownNamesAreNotFound) {
  RunningServer server;
  const auto client = server.client();
  EXPECT_EQ(client->act(engine::SweepAction::kCancel, "nothing", "a").status().code(), Code::kNotFound);
  EXPECT_EQ(client->explain("nothing").status().code(), Code::kNotFound);
  EXPECT_EQ(client->report("nothing", {}).status().code(), Code::kNotFound);
  EXPECT_EQ(client->trials("nothing").status().code(), Code::kNotFound);
  EXPECT_EQ(client->watch("nothing", -1, [](const cli::WatchView&) { return true; }).code(), Code::kNotFound);
}

TEST(Control, TrialsComeInPagesAndOnlyThoseThatAreAskedFor) {
  RunningServer server;
  const auto client = server.client();
  FakeWorker worker(server.address());
  worker.send(hello_of("w0", 0, 1));
  worker.next<fleet::Welcome>();
  ASSERT_TRUE(client->submit(small_sweep(2, "four"), false, "a").ok());
  worker.next<fleet::Start>();
  const auto all = client->trials("four");
  ASSERT_TRUE(all.ok()) << all.status().message();
  ASSERT_EQ(all->size(), 4U);
  const auto started = client->trials("four", {.states = {TrialState::kAssigned}});
  ASSERT_TRUE(started.ok());
  ASSERT_EQ(started->size(), 1U);
  EXPECT_EQ(client->trials("four", {.states = {TrialState::kFailed}})->size(), 0U);
  EXPECT_EQ(client->trials("four", {.variant = "nobody"})->size(), 0U);

  const auto first = client->trial_page("four", {.states = {TrialState::kQueued}, .most = 2});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->matching, 3);
  ASSERT_TRUE(first->next.has_value());
  const auto rest = client->trial_page("four", {.states = {TrialState::kQueued}, .from = *first->next, .most = 2});
  ASSERT_TRUE(rest.ok());
  EXPECT_EQ(rest->matching, 1);
  EXPECT_FALSE(rest->next.has_value());
  std::set<TrialId> seen;
  for (const auto* page : {&*first, &*rest}) {
    for (const auto& trial : page->trials) seen.insert(trial.id);
  }
  EXPECT_EQ(seen.size(), 3U);
}

TEST(Control, AGangThatCannotFormIsExplained) {
  RunningServer server;
  const auto client = server.client();
  FakeWorker worker(server.address());
  worker.send(hello_of("w0", 0, 2));
  worker.next<fleet::Welcome>();
  ASSERT_TRUE(client->submit(small_sweep(1, "wide", 8), false, "a").ok());
  const auto trials = client->trials("wide");
  ASSERT_TRUE(trials.ok());
  const auto found = client->explain(trials->at(0).id.value());
  ASSERT_TRUE(found.ok());
  ASSERT_EQ(found->trials.size(), 1U);
  EXPECT_EQ(found->trials[0].id, trials->at(0).id);
  EXPECT_EQ(found->trials[0].state, TrialState::kQueued);
  EXPECT_EQ(found->trials[0].reason, trials->at(0).reason);
  const std::string text = join(found->lines, "\n");
  EXPECT_NE(text.find("mpirun -np 8 worker --coordinator " + server.address()), std::string::npos) << text;
}

TEST(Control, PlanKnowsWhatIsTrainedAndHowLongTheRestWillTake) {
  RunningServer server;
  const auto client = server.client();
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  const auto before = client->plan(small_sweep());
  ASSERT_TRUE(before.ok());
  EXPECT_TRUE(before->cached.empty());
  EXPECT_EQ(before->slots, 1);
  EXPECT_EQ(before->predicted_s, std::nullopt);

  ASSERT_TRUE(client->submit(small_sweep(), false, "a").ok());
  for (int i = 0; i < 2; ++i) {
    const auto start = worker.next<fleet::Start>();
    worker.complete(start, 0.9);
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  EXPECT_EQ(client->plan(small_sweep())->cached.size(), 2u);
  const auto wider = client->plan(small_sweep(3));
  ASSERT_TRUE(wider.ok()) << wider.status().message();
  EXPECT_EQ(wider->cached.size(), 2u);
  EXPECT_GT(wider->predicted_s.value_or(-1), 0);
}

TEST(Control, PlanKnowsHowMuchPastDifferencesSpread) {
  RunningServer server;
  const auto client = server.client();
  FakeWorker worker(server.address());
  worker.send(hello_of("w0"));
  worker.next<fleet::Welcome>();
  ASSERT_TRUE(client->submit(small_sweep(2), false, "a").ok());
  EXPECT_FALSE(client->plan(small_sweep(2))->past_spread);
  for (int i = 0; i < 4; ++i) {
    const auto start = worker.next<fleet::Start>();
    worker.complete(start, i == 0 ? 0.75 : 0.5);  // one difference of 1/4, one of 0: standard deviation 1/4 / sqrt 2
    while (worker.next<fleet::Ack>().seq < Seq(3)) {
    }
  }
  const auto plan = client->plan(small_sweep(3));
  ASSERT_TRUE(plan.ok()) << plan.status().message();
  ASSERT_TRUE(plan->past_spread);
  EXPECT_NEAR(plan->past_spread->sd, 0.25 / std::sqrt(2.0), 1e-12);
  EXPECT_EQ(plan->past_spread->pairs, 2);
}

TEST(Control, WatchEndsWhenItsCallerHasSeenEnough) {
  RunningServer server;
  const auto client = server.client();
  ASSERT_TRUE(client->submit(small_sweep(), false, "a").ok());
  int updates = 0;
  EXPECT_TRUE(client
                  ->watch("", -1,
                          [&](const cli::WatchView& view) {
                            EXPECT_EQ(view.sweep.name, "small");
                            EXPECT_EQ(view.workers, 0);
                            return ++updates < 2;  // the second comes although nothing has changed
                          })
                  .ok());
  EXPECT_EQ(updates, 2);
}

TEST(Control, WatchOfACancelledSweepEndsByItself) {
  RunningServer server;
  const auto client = server.client();
  ASSERT_TRUE(client->submit(small_sweep(), false, "a").ok());
  ASSERT_TRUE(client->act(engine::SweepAction::kCancel, "1", "b").ok());
  std::vector<std::string> states;
  ASSERT_TRUE(client
                  ->watch("", -1,
                          [&](const cli::WatchView& view) {
                            states.push_back(view.sweep.state);
                            return true;
                          })
                  .ok());
  EXPECT_EQ(states, std::vector<std::string>{"cancelled"});
}

TEST(Control, AClientOfAnotherProtocolIsRefusedNamingBoth) {
  RunningServer server;
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  const auto stub =
      v1::Control::NewStub(grpc::CreateCustomChannel(server.address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  v1::ListSweepsRequest request;
  request.mutable_client()->set_protocol(kControlProtocol + 1);
  request.mutable_client()->set_build("9.9");
  v1::ListSweepsReply reply;
  const auto status = stub->ListSweeps(&context, request, &reply);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), cat("this command speaks control protocol ", kControlProtocol + 1,
                                        " (version 9.9), the coordinator speaks ", kControlProtocol, " (version ",
                                        kBuildVersion, "); use the same release on both sides"));
}

TEST(Control, InfoSaysWhereTheStateIs) {
  RunningServer server;
  const auto info = server.client()->info();
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->state_directory, server.state().string());
  EXPECT_EQ(info->build, kBuildVersion);
  EXPECT_EQ(info->epoch, 1);
  EXPECT_EQ(info->trouble, "");
}

}  // namespace
}  // namespace autonorm::server
