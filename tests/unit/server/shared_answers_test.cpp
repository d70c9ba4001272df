#include "coordinator/server/shared_answers.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <string>

#include "core/base/text.h"

namespace autonorm::server {
namespace {

// A pool whose one thread waits, so that what is asked meanwhile has not begun.
struct HeldPool {
  explicit HeldPool(size_t capacity) : pool(1, capacity) {
    EXPECT_TRUE(pool.post([this] {
      started.set_value();
      gate.get_future().wait();
    }));
    started.get_future().wait();
  }
  std::promise<void> started, gate;
  RequestPool pool;
};

struct Asked {
  std::future<std::string> future;
  SharedAnswers::Answer answer;

  Asked() {
    auto promise = std::make_shared<std::promise<std::string>>();
    future = promise->get_future();
    answer = [promise](const Result<std::string>& result) {
      promise->set_value(result.ok() ? *result : result.status().message());
    };
  }
};

TEST(SharedAnswers, WhoAsksBeforeItBeginsSharesIt) {
  int computed = 0;
  Asked first, second, other, later;
  {
    HeldPool held(10);
    SharedAnswers answers(held.pool);
    const auto compute = [&]() -> Result<std::string> { return cat("answer ", ++computed); };
    ASSERT_TRUE(answers.ask("question", compute, first.answer));
    ASSERT_TRUE(answers.ask("other question", compute, other.answer));
    ASSERT_TRUE(answers.ask("question", compute, second.answer));
    held.gate.set_value();
    EXPECT_EQ(first.future.get(), "answer 1");
    EXPECT_EQ(second.future.get(), "answer 1");
    EXPECT_EQ(other.future.get(), "answer 2");
    ASSERT_TRUE(answers.ask("question", compute, later.answer));
    EXPECT_EQ(later.future.get(), "answer 3");
  }
  EXPECT_EQ(computed, 3);
}

TEST(SharedAnswers, WhoAsksWhileItRunsGetsTheNext) {
  RequestPool pool(1, 10);
  SharedAnswers answers(pool);
  std::promise<void> started, gate;
  Asked first, second;
  ASSERT_TRUE(answers.ask(
      "question",
      [&]() -> Result<std::string> {
        started.set_value();
        gate.get_future().wait();
        return std::string("old");
      },
      first.answer));
  started.get_future().wait();
  ASSERT_TRUE(answers.ask(
      "question", []() -> Result<std::string> { return std::string("new"); }, second.answer));
  gate.set_value();
  EXPECT_EQ(first.future.get(), "old");
  EXPECT_EQ(second.future.get(), "new");
}

TEST(SharedAnswers, FailuresReachAllAndAFullPoolIsSaid) {
  HeldPool held(1);
  SharedAnswers answers(held.pool);
  Asked first, second, refused;
  const auto fails = []() -> Result<std::string> { return invalid("no such sweep"); };
  ASSERT_TRUE(answers.ask("question", fails, first.answer));
  ASSERT_TRUE(answers.ask("question", fails, second.answer));  // takes no place of its own
  EXPECT_FALSE(answers.ask("other question", fails, refused.answer));
  held.gate.set_value();
  EXPECT_EQ(first.future.get(), "no such sweep");
  EXPECT_EQ(second.future.get(), "no such sweep");
}

}  // namespace
}  // namespace autonorm::server
