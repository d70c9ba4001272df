#include "coordinator/store/number_list.h"

#include <SQLiteCpp/Exception.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "core/base/philox.h"

namespace autonorm::store {
namespace {

TEST(NumberList, KeepsEveryBit) {
  const RandomStream stream(1, "test", "numbers");
  std::vector<double> values = {0.0,
                                -0.0,
                                0.1 + 0.2,
                                5e-324,
                                std::numeric_limits<double>::max(),
                                std::numeric_limits<double>::infinity(),
                                -std::numeric_limits<double>::infinity()};
  for (uint64_t i = 0; i < 1'000; ++i) {
    const auto bits = uint64_t{stream.word(i, 0)} << 32 | stream.word(i, 1);
    if (const auto value = std::bit_cast<double>(bits); !std::isnan(value)) values.push_back(value);
  }
  std::string text = "[";
  for (const double value : values) text += (text.size() > 1 ? "," : "") + number_text(value);
  const auto back = parse_number_list(text + "]");
  ASSERT_EQ(back.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i)
    EXPECT_EQ(std::bit_cast<uint64_t>(back[i]), std::bit_cast<uint64_t>(values[i])) << number_text(values[i]);
}

TEST(NumberList, WritesNoNumberAsNull) {
  EXPECT_EQ(number_text(std::numeric_limits<double>::quiet_NaN()), "null");
  const auto back = parse_number_list("[null,0.5]");
  ASSERT_EQ(back.size(), 2u);
  EXPECT_TRUE(std::isnan(back[0]));
  EXPECT_EQ(back[1], 0.5);
  EXPECT_TRUE(parse_number_list("[]").empty());
}

TEST(NumberList, RefusesWhatItDidNotWrite) {
  for (const char* text :
       {"", "[", "0.5", "[0.5", "0.5]", "[x]", "[0.5x]", "[0.5,,1]", "[0.5,]", "[ 0.5]", "[\"1\"]", "[,]"})
    EXPECT_THROW(parse_number_list(text), SQLite::Exception) << text;
}

}  // namespace
}  // namespace autonorm::store
