#include "core/data/digits.h"

#include "gmock/gmock.h"
#include "tests/unit/data/sample_files.h"

namespace autonorm::data {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string line(const std::string& pixel, const std::string& label) {
  std::string text;
  for (int i = 0; i < 64; ++i) text += pixel + ",";
  return text + label + "\n";
}

TEST(Digits, ReadsGreyValuesAndLabels) {
  const SampleFolder folder;
  const auto raw = read_digits(folder.write("digits.csv.gz", gzip(line("16", "9") + line("0", "3"))));
  ASSERT_TRUE(raw.ok()) << raw.status().message();
  EXPECT_EQ(raw->labels, (std::vector<uint8_t>{9, 3}));
  EXPECT_EQ(raw->pixels.size(), 128u);
  EXPECT_EQ(raw->pixels[0], 16);
  EXPECT_EQ(raw->pixels[64], 0);
}

TEST(Digits, WrongValuesAreNamedWithLineByteAndColumn) {
  const SampleFolder folder;
  const auto failure = [&](const std::string& text) {
    const auto raw = read_digits(folder.write("digits.csv", text));
    EXPECT_EQ(raw.status().code(), Code::kInvalid);
    return raw.status().message();
  };
  const std::string good = line("1", "2");
  EXPECT_THAT(failure(good + line("17", "2")),
              AllOf(HasSubstr("digits.csv: line 2, byte " + std::to_string(good.size())), HasSubstr("column 1"),
                    HasSubstr("0 to 16, found '17'")));
  EXPECT_THAT(failure(line("1", "10")), AllOf(HasSubstr("column 65"), HasSubstr("0 to 9")));
  EXPECT_THAT(failure("1,2,3\n"), HasSubstr("expected 65 columns (64 grey values, 1 label), found 3"));
  EXPECT_THAT(failure(line("1", "2,3")), HasSubstr("found more"));
  EXPECT_THAT(failure(""), HasSubstr("empty file"));
  EXPECT_THAT(failure(good.substr(0, 100)), HasSubstr("column"));
}

}  // namespace
}  // namespace autonorm::data
