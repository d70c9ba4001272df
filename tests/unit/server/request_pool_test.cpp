#include "coordinator/server/request_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>

namespace autonorm::server {
namespace {

TEST(RequestPool, RunsEverythingItAcceptedBeforeItEnds) {
  std::vector<int> order;
  {
    RequestPool pool(1, 100);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(pool.post([&order, i] { order.push_back(i); }));
  }
  ASSERT_EQ(order.size(), 50u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(RequestPool, RefusesBeyondItsCapacity) {
  std::promise<void> gate, started;
  RequestPool pool(1, 2);
  ASSERT_TRUE(pool.post([&] {
    started.set_value();
    gate.get_future().wait();
  }));
  started.get_future().wait();
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_TRUE(pool.post([] {}));
  EXPECT_FALSE(pool.post([] {}));
  gate.set_value();
}

TEST(RequestPool, OneStuckTaskDoesNotHoldUpOtherThreads) {
  std::promise<void> gate, done;
  RequestPool pool(2, 10);
  ASSERT_TRUE(pool.post([&] { gate.get_future().wait(); }));
  ASSERT_TRUE(pool.post([&] { done.set_value(); }));
  done.get_future().wait();
  gate.set_value();
}

// Keeps the processor busy, as a report does.
void work_for(std::chrono::steady_clock::duration time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {
  }
}

TEST(RequestPool, RestsWhileItIsToMakeWay) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point began, ended, next;
  {
    RequestPool pool(1, 10, RequestPool::Priority::kLow, [] { return true; });
    std::promise<void> done;
    ASSERT_TRUE(pool.post([&] {
      began = Clock::now();
      work_for(std::chrono::milliseconds(20));
      ended = Clock::now();
    }));
    ASSERT_TRUE(pool.post([&] {
      next = Clock::now();
      done.set_value();
    }));
    done.get_future().wait();
  }
  EXPECT_GE(next - ended, RequestPool::kRest * (ended - began));
}

TEST(RequestPool, EndsWithoutItsRestAndRunsWhatItAccepted) {
  bool ran = false;
  const auto began = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration worked{};
  {
    RequestPool pool(1, 10, RequestPool::Priority::kLow, [] { return true; });
    std::promise<void> done;
    ASSERT_TRUE(pool.post([&] {
      work_for(std::chrono::seconds(1));
      worked = std::chrono::steady_clock::now() - began;
      done.set_value();
    }));
    ASSERT_TRUE(pool.post([&] { ran = true; }));
    done.get_future().wait();
  }
  EXPECT_TRUE(ran);
  EXPECT_LT(std::chrono::steady_clock::now() - began, 2 * worked);
}

}  // namespace
}  // namespace autonorm::server
