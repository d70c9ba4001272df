#include "coordinator/report/numbers.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

#include "core/base/philox.h"

namespace autonorm::report {
namespace {

TEST(MachineNumber, LooksLikePythonsRepr) {
  EXPECT_EQ(machine_number(0), "0.0");
  EXPECT_EQ(machine_number(1), "1.0");
  EXPECT_EQ(machine_number(-7), "-7.0");
  EXPECT_EQ(machine_number(0.95), "0.95");
  EXPECT_EQ(machine_number(0.0001), "0.0001");
  EXPECT_EQ(machine_number(0.00001), "1e-05");
  EXPECT_EQ(machine_number(1.25e-7), "1.25e-07");
  EXPECT_EQ(machine_number(8386), "8386.0");
  EXPECT_EQ(machine_number(5120.5), "5120.5");
  EXPECT_EQ(machine_number(1e15), "1000000000000000.0");
  EXPECT_EQ(machine_number(1e16), "1e+16");
  EXPECT_EQ(machine_number(-2.5e120), "-2.5e+120");
}

TEST(MachineNumber, RoundsTo15Digits) {
  EXPECT_EQ(machine_number(0.1 + 0.2), "0.3");
  EXPECT_EQ(machine_number(2.0 / 3.0), "0.666666666666667");
  EXPECT_EQ(machine_number(0.99999999999999999), "1.0");
}

TEST(MachineNumber, NamesWhatIsNotFinite) {
  EXPECT_EQ(machine_number(std::nan("")), "");
  EXPECT_EQ(machine_number(std::numeric_limits<double>::infinity()), "inf");
  EXPECT_EQ(machine_number(-std::numeric_limits<double>::infinity()), "-inf");
}

TEST(MachineNumber, ReadsBackWithin15Digits) {
  const RandomStream stream(1, "test", "numbers");
  for (uint64_t i = 0; i < 5000; ++i) {
    const double value = stream.normal(i) * std::pow(10.0, static_cast<double>(stream.word(i, 1) % 60) - 30.0);
    EXPECT_NEAR(std::stod(machine_number(value)), value, 1e-14 * std::abs(value)) << "element " << i;
  }
}

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
