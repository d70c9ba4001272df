#include "coordinator/report/numbers.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace autonorm::report {
namespace {

TEST(Decimals, FollowTheSizeOfTheValues) {
  EXPECT_EQ(decimals_for(std::array{0.95, 0.91}), 4);
  EXPECT_EQ(decimals_for(std::array{0.0, 0.0}), 4);
  EXPECT_EQ(decimals_for(std::array{12.5, -99.0}), 2);
  EXPECT_EQ(decimals_for(std::array{5120.5}), 0);
  EXPECT_EQ(decimals_for(std::array{0.00012}), 7);
}

TEST(Fixed, ShowsADashForWhatIsAbsent) {
  EXPECT_EQ(fixed(std::nullopt, 4), "–");
  EXPECT_EQ(fixed(std::nan(""), 4), "–");
  EXPECT_EQ(with_sign(std::nullopt, 4), "–");
  EXPECT_EQ(p_text(std::nullopt), "–");
}

TEST(Fixed, ShowsTheSignOfDifferences) {
  EXPECT_EQ(with_sign(0.0123, 4), "+0.0123");
  EXPECT_EQ(with_sign(-0.0123, 4), "-0.0123");
  EXPECT_EQ(with_sign(-0.0, 4), "0.0000");
}

TEST(PText, CutsSmallValues) {
  EXPECT_EQ(p_text(1.0), "1");
  EXPECT_EQ(p_text(0.03125), "0.0312");
  EXPECT_EQ(p_text(0.00005), "<0.0001");
}

TEST(Percent, HidesRounding) {
  EXPECT_EQ(percent(1 - 0.05), "95 %");
  EXPECT_EQ(percent(1 - 0.001), "99.9 %");
}

}  // namespace
}  // namespace autonorm::report
