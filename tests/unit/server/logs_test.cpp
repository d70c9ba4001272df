// Logs of a running server: what is there, what comes while somebody follows, and how an attempt ended.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/text.h"
#include "tests/unit/server/fake_worker.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One trial that has joined and logged two lines.
class Logs : public ::testing::Test {
 protected:
  void SetUp() override {
    worker_.send(hello_of("w0"));
    worker_.next<fleet::Welcome>();
    ASSERT_TRUE(client_->submit(small_sweep(1), false, "a").ok());
    start_ = worker_.next<fleet::Start>();
    say(fleet::Ready{"joined", ""});
    say(fleet::LogLine{"info", "one"});
    say(fleet::LogLine{"warning", "two"});
    settle();
  }
  void say(fleet::EventBody body) { worker_.send(fleet::Event{start_.key, Seq(++said_), std::move(body)}); }
  void settle() {  // until everything said is committed
    while (worker_.next<fleet::Ack>().seq < Seq(said_)) {
    }
  }
  struct Read {
    Status status;
    std::vector<std::string> lines;
    std::optional<store::AttemptSummary> attempt;  // as told last
  };
  Read read(cli::LogsAsked asked, const std::function<void(const cli::LogsView&)>& also = {}) {
    if (asked.trial.empty()) asked.trial = start_.key.trial.value();
    Read read;
    read.status = client_->logs(asked, [&](const cli::LogsView& view) {
      for (const auto& line : view.lines) read.lines.push_back(cat(line.rank, " ", line.level, " ", line.text));
      if (view.attempt) read.attempt = view.attempt;
      if (also) also(view);
    });
    return read;
  }

  RunningServer server_;
  std::unique_ptr<cli::ControlClient> client_ = server_.client();
  FakeWorker worker_{server_.address()};
  fleet::Start start_;
  int64_t said_ = 0;
};

TEST_F(Logs, ShowsWhatIsThereAndThatItGoesOn) {
  const Read all = read({});
  ASSERT_TRUE(all.status.ok()) << all.status.message();
  EXPECT_THAT(all.lines, ElementsAre("0 info one", "0 warning two"));
  ASSERT_TRUE(all.attempt);
  EXPECT_EQ(all.attempt->trial, start_.key.trial);
  EXPECT_EQ(all.attempt->number, Attempt(1));
  EXPECT_FALSE(all.attempt->ended);
  EXPECT_THAT(read({.trial = start_.key.trial.value().substr(0, 6), .tail = 1}).lines, ElementsAre("0 warning two"));
  EXPECT_TRUE(read({.tail = 0}).lines.empty());
}

TEST_F(Logs, FollowingSeesEachLineOnceAndEndsWithTheAttempt) {
  int updates = 0;
  const Read all = read({.follow = true}, [&](const cli::LogsView&) {
    if (++updates == 1) say(fleet::LogLine{"info", "three"});
    if (updates == 2) say(fleet::LogLine{"info", "four"});
    if (updates == 3) {
      fleet::Failed failed{.reason = EndReason::kHostOom, .message = "memory", .signal = 9, .exit_code = 0};
      failed.log_tail = {"out", "last words"};
      failed.memory = {.resident_bytes = 1000, .limit_bytes = 2000, .oom_kills = 1};
      say(fleet::LogLine{"error", "five"});
      say(failed);
    }
  });
  ASSERT_TRUE(all.status.ok()) << all.status.message();
  EXPECT_THAT(all.lines, ElementsAre("0 info one", "0 warning two", "0 info three", "0 info four", "0 error five"));
  ASSERT_TRUE(all.attempt && all.attempt->ended);
  EXPECT_EQ(all.attempt->end, EndReason::kHostOom);
  EXPECT_EQ(all.attempt->signal, 9);
  EXPECT_THAT(all.attempt->tail, ElementsAre("out", "last words"));
  EXPECT_EQ(all.attempt->memory, (fleet::MemoryAtDeath{1000, 2000, 1}));

  // Its next attempt does not hide it.
  worker_.send(fleet::SlotFree{start_.key});
  start_ = worker_.next<fleet::Start>();  // of the other variant or of attempt 2: either way not attempt 1
  EXPECT_THAT(read({.trial = all.attempt->trial.value(), .attempt = 1}).lines.size(), 5U);
}

TEST_F(Logs, ABrokenCallGoesOnWhereItWas) {
  int64_t last = 0;
  read({.tail = 0}, [&](const cli::LogsView& view) { last = view.last; });
  say(fleet::LogLine{"info", "three"});
  settle();
  EXPECT_THAT(read({.tail = 0, .after = last}).lines, ElementsAre("0 info three"));
  EXPECT_THAT(read({.after = 0}).lines.size(), 3U);
}

TEST_F(Logs, ManyLinesComeInPieces) {
  for (int i = 0; i < 998; ++i) say(fleet::LogLine{"info", cat(i)});
  for (int i = 0; i < 5; ++i) say(fleet::LogLine{"info", "beyond the limit of 1,000 lines per attempt"});
  settle();
  const Read all = read({});
  ASSERT_EQ(all.lines.size(), 1001U);
  EXPECT_EQ(all.lines[999], "0 info 997");
  EXPECT_THAT(all.lines.back(), HasSubstr("0 info further lines of this attempt are in log.txt on "));
  ASSERT_TRUE(all.attempt);
}

TEST_F(Logs, AFailureIsExplainedWithItsMemoryAndWhatItHadLogged) {
  fleet::Failed failed{.reason = EndReason::kHostOom, .message = "memory", .signal = 9, .exit_code = 0};
  failed.memory = {.resident_bytes = int64_t{3} << 29, .limit_bytes = int64_t{2} << 30, .oom_kills = 1};
  say(failed);  // without the last lines of its output, as when the engine gives an attempt up
  settle();
  const auto found = client_->explain(start_.key.trial.value());
  ASSERT_TRUE(found.ok()) << found.status().message();
  const std::vector<std::string>* lines = &found->lines;
  EXPECT_THAT(*lines, ::testing::Contains("  memory at its end: trainer 1.5 GiB, limit of its control group 2.0 GiB, "
                                          "1 out-of-memory kill"));
  ASSERT_GE(lines->size(), 3U);
  EXPECT_THAT(std::vector<std::string>(lines->end() - 3, lines->end()),
              ElementsAre("  the last 2 lines of its log:", "    | one", "    | two"));
}

TEST_F(Logs, WhatIsNotThereIsNamed) {
  EXPECT_EQ(read({.trial = "abc"}).status.code(), Code::kInvalid);
  EXPECT_EQ(read({.trial = "nonsense"}).status.message(), "no trial id starts with 'nonsense'");
  const Read late = read({.attempt = 7});
  EXPECT_EQ(late.status.code(), Code::kNotFound);
  EXPECT_THAT(late.status.message(), HasSubstr("has no attempt 7; its attempts are numbered 1 to 1"));
  const auto trials = client_->trials("");
  ASSERT_TRUE(trials.ok());
  for (const auto& trial : *trials) {
    if (trial.id == start_.key.trial) continue;
    EXPECT_THAT(read({.trial = trial.id.value()}).status.message(),
                HasSubstr("is queued and has no attempt yet; see: coordinator explain "));
  }
}

}  // namespace
}  // namespace autonorm::server
