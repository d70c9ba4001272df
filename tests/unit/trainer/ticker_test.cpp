#include "worker/trainer/ticker.h"

#include <atomic>
#include <future>

#include "gtest/gtest.h"

namespace autonorm::trainer {
namespace {

TEST(Ticker, TicksAtOnceAndAgain) {
  std::promise<void> third;
  std::atomic<int> ticks{0};
  const Ticker ticker(std::chrono::milliseconds(1), [&] {
    if (++ticks == 3) third.set_value();
  });
  EXPECT_EQ(third.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
}

TEST(Ticker, EndsAtOnceInTheMiddleOfAPeriodAndNothingFollows) {
  std::atomic<int> ticks{0};
  std::promise<void> first;
  {
    const Ticker ticker(std::chrono::hours(1), [&] {
      if (++ticks == 1) first.set_value();
    });
    first.get_future().wait();
  }
  EXPECT_EQ(ticks, 1);
}

}  // namespace
}  // namespace autonorm::trainer
