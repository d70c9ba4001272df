#include "coordinator/report/machine_number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
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

// The value that 15 digits of the exact one, rounded to even, read back as.
double of_15_digits(double value) {
  char text[64];
  std::snprintf(text, sizeof text, "%.14e", value);
  return std::strtod(text, nullptr);
}

TEST(MachineNumber, IsTheExactValueRoundedTo15Digits) {
  const RandomStream stream(1, "test", "numbers");
  for (uint64_t i = 0; i < 20'000; ++i) {
    const double size = std::pow(10.0, static_cast<double>(stream.word(i, 1) % 600) - 300.0);
    for (const double value : {stream.normal(i) * size, stream.normal(i), std::round(stream.normal(i) * 1e4) / 1e4})
      EXPECT_EQ(std::stod(machine_number(value)), of_15_digits(value)) << "element " << i;
  }
}

TEST(MachineNumber, RoundsHalvesOfTheLastDigitToEven) {
  EXPECT_EQ(machine_number(123456789012344.5), "123456789012344.0");
  EXPECT_EQ(machine_number(123456789012345.5), "123456789012346.0");
  EXPECT_EQ(machine_number(0.5000000000000005), machine_number(of_15_digits(0.5000000000000005)));
  for (double value = 100'000'000'000'000.5; value < 100'000'000'001'000; ++value)
    EXPECT_EQ(std::stod(machine_number(value)), of_15_digits(value)) << value;
}

TEST(MachineNumber, CarriesThroughNines) {
  EXPECT_EQ(machine_number(999999999999999.9), "1000000000000000.0");
  EXPECT_EQ(machine_number(9999999999999999.0), "1e+16");
  EXPECT_EQ(machine_number(0.12999999999999998), "0.13");
  EXPECT_EQ(machine_number(5e-324), "5e-324") << "denormal: as in Python";
  EXPECT_EQ(machine_number(-0.0), "-0.0");
}

}  // namespace
}  // namespace autonorm::report
