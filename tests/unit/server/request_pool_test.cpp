#include "coordinator/server/request_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
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

}  // namespace
}  // namespace autonorm::server
