#include "core/base/clock.h"

#include <gtest/gtest.h>

namespace autonorm {
namespace {

TEST(Clock, MicrosecondsRoundTrip) {
  for (const int64_t us : {int64_t{0}, int64_t{1}, int64_t{1'700'000'000'123'456}, int64_t{-5}}) {
    EXPECT_EQ(to_us(wall_from_us(us)), us);
  }
}

TEST(Clock, SystemClockDoesNotRunBackwards) {
  const SystemClock clock;
  Now last = clock.now();
  for (int i = 0; i < 1000; ++i) {
    const Now now = clock.now();
    ASSERT_GE(now.steady, last.steady);
    last = now;
  }
  EXPECT_GT(to_us(last.wall), 1'600'000'000'000'000) << "after September 2020";
}

}  // namespace
}  // namespace autonorm
