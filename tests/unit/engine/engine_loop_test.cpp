// The loop around the engine: thread, commits before sends, a full disk, an orderly end.
#include "coordinator/server/engine_loop.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include "coordinator/server/config_freezer.h"
#include "coordinator/store/store.h"
#include "core/config/sweep.h"
#include "tests/support/sweep_builder.h"
#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::server {
namespace {

using testing::make_sweep;
using testing::submission;
using namespace std::chrono_literals;

// Records what was sent; tests wait on its condition with a deadline.
class RecordingTransport final : public Transport {
 public:
  void send(SessionId session, const fleet::ToWorker& message) override {
    const std::lock_guard lock(mutex_);
    sent_.emplace_back(session, message);
    changed_.notify_all();
  }
  void close(SessionId session) override {
    const std::lock_guard lock(mutex_);
    closed_.push_back(session);
    changed_.notify_all();
  }
  template <class Message>
  std::optional<Message> wait_for(size_t nth = 0) {
    std::unique_lock lock(mutex_);
    std::optional<Message> found;
    changed_.wait_for(lock, 20s, [&] {
      size_t seen = 0;
      for (const auto& [session, message] : sent_) {
        if (const auto* m = std::get_if<Message>(&message); m && seen++ == nth) found = *m;
      }
      return found.has_value();
    });
    return found;
  }
  template <class Message>
  size_t count() {
    const std::lock_guard lock(mutex_);
    return static_cast<size_t>(
        std::ranges::count_if(sent_, [](const auto& s) { return std::holds_alternative<Message>(s.second); }));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::pair<SessionId, fleet::ToWorker>> sent_;
  std::vector<SessionId> closed_;
};

struct EngineLoopTest : ::testing::Test {
  void open() {
    auto result = store::Store::open(folder.path(), testing::kSystemClock);
    ASSERT_TRUE(result.ok()) << result.status().message();
    store = std::move(result).value();
    loop = start_engine_loop(*store, transport, clock, {.build = "0.1.0"});
  }
  void close() {
    loop.reset();
    store.reset();
  }
  static fleet::Hello hello() {
    fleet::Hello hello;
    hello.worker = WorkerId("w0");
    hello.incarnation = 1;
    hello.mpi_world = "x";
    hello.host = "a";
    return hello;
  }

  testing::TemporaryFolder folder;
  SystemClock clock;
  RecordingTransport transport;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<EngineLoop> loop;
};

TEST_F(EngineLoopTest, ASubmissionIsAnsweredAndAWorkerGetsItsConfiguration) {
  open();
  const config::Sweep sweep = make_sweep("one", 1);
  const engine::SubmitReply reply = loop->submit(submission(sweep));
  EXPECT_TRUE(reply.status.ok());
  EXPECT_EQ(reply.new_trials, 1);
  loop->post(engine::WorkerHello{SessionId(1), hello()});
  const auto start = transport.wait_for<fleet::Start>();
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(start->config, R"({"inputs":{},"seed":0,"model":{"family":"vit"}})");
  EXPECT_EQ(loop->trials(std::nullopt).at(0).state, TrialState::kAssigned);
  EXPECT_EQ(loop->workers().at(0).state, "busy");
  EXPECT_EQ(loop->sweeps().at(0).name, "one");
  EXPECT_EQ(loop->epoch(), 1);
  EXPECT_TRUE(loop->finished_trials({sweep.trials.at(0).id}).empty());
  EXPECT_EQ(loop->explain("A").value().lines.size(), 3U);
  EXPECT_EQ(loop->explain("nobody").status().code(), Code::kNotFound);
}

TEST_F(EngineLoopTest, WhatWasAnsweredIsThereAfterARestart) {
  open();
  loop->submit(submission(make_sweep("one", 3)));
  EXPECT_EQ(loop->act({.request = 0, .sweep = SweepId(1), .action = engine::SweepAction::kPause, .idempotency_key = {}})
                .trials_affected,
            3);
  close();
  open();
  EXPECT_EQ(loop->epoch(), 2);
  EXPECT_EQ(loop->sweeps().at(0).state, "paused");
}

TEST_F(EngineLoopTest, ManyCallersOfOneFileGetOneSweep) {
  open();
  const config::Sweep sweep = make_sweep("one", 50);
  std::atomic<int> ok = 0, existed = 0;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      for (int n = 0; n < 5; ++n) {
        const engine::SubmitReply reply = loop->submit(submission(sweep));
        ok += reply.status.ok() && reply.sweep == SweepId(1);
        existed += reply.existed;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(ok, 40);
  EXPECT_EQ(existed, 39);
  EXPECT_EQ(loop->sweeps().size(), 1U);
}

TEST_F(EngineLoopTest, AFullDiskHoldsEverythingUntilThereIsSpaceAgain) {
  open();
  // A limit on file sizes stands in for a full disk: SQLite reports a failed write.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit tight = before;
  tight.rlim_cur = 1;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  std::optional<engine::SubmitReply> reply;
  std::thread caller([&] { reply = loop->submit(submission(make_sweep("one", 5))); });
  std::optional<std::string> trouble;
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!trouble && std::chrono::steady_clock::now() < deadline) trouble = loop->trouble();
  EXPECT_TRUE(loop->workers().empty()) << "questions are answered meanwhile";
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  caller.join();
  ASSERT_TRUE(trouble.has_value());
  EXPECT_NE(trouble->find("work goes on by itself"), std::string::npos) << *trouble;
  EXPECT_TRUE(reply->status.ok());
  EXPECT_FALSE(loop->trouble().has_value());
  close();
  open();
  EXPECT_EQ(loop->sweeps().at(0).trials, 5);
}

TEST_F(EngineLoopTest, CallersAfterTheEndAreToldSo) {
  open();
  auto* raw = loop.get();
  loop->post(engine::WorkerHello{SessionId(1), hello()});
  ASSERT_TRUE(transport.wait_for<fleet::Welcome>().has_value());
  raw->post(engine::Stopping{});
  EXPECT_TRUE(transport.wait_for<fleet::Shutdown>().has_value());
}

TEST_F(EngineLoopTest, AcksComeAfterTheCommit) {
  open();
  const config::Sweep sweep = make_sweep("one", 1);
  loop->submit(submission(sweep));
  loop->post(engine::WorkerHello{SessionId(1), hello()});
  const auto start = transport.wait_for<fleet::Start>();
  ASSERT_TRUE(start.has_value());
  loop->post(engine::WorkerMessage{SessionId(1), fleet::Event{start->key, Seq(1), fleet::Ready{"joined", ""}}});
  fleet::Finished finished;
  finished.results = {{"test/accuracy", 0.9}};
  loop->post(engine::WorkerMessage{SessionId(1), fleet::Event{start->key, Seq(2), finished}});
  std::optional<fleet::Ack> ack;
  for (size_t n = 0; n < 2 && (!ack || ack->seq != Seq(2)); ++n) ack = transport.wait_for<fleet::Ack>(n);
  ASSERT_TRUE(ack.has_value());
  EXPECT_EQ(ack->seq, Seq(2));
  close();  // at once: what was acknowledged must be there
  open();
  EXPECT_EQ(loop->trials(std::nullopt).at(0).state, TrialState::kSucceeded);
  EXPECT_EQ(loop->finished_trials({start->key.trial}).size(), 1U);
}

TEST_F(EngineLoopTest, SeedsOfACellShareOneFrozenConfiguration) {
  config::Sweep sweep = make_sweep("one", 3);
  sweep.trials[1].common = sweep.trials[0].common;
  config::TrialConfig other = *sweep.trials[2].common;
  other.train.lr = 0.5;
  sweep.trials[2].common = std::make_shared<const config::TrialConfig>(other);
  const engine::FreezeConfig freeze = config_freezer(std::make_shared<const config::Sweep>(sweep));
  const auto first = freeze(0);
  EXPECT_EQ(first, freeze(1));
  EXPECT_NE(first->hash, freeze(2)->hash);
  EXPECT_EQ(first->hash, freeze(0)->hash);
  EXPECT_EQ(first->json.find("\"seed\""), std::string::npos);
}

}  // namespace
}  // namespace autonorm::server
