#include "coordinator/report/table.h"

#include <gtest/gtest.h>

namespace autonorm::report {
namespace {

Table sample() {
  return {{"name", "Δ"}, {Align::kLeft, Align::kRight}, {{{"a"}, {"+1"}}, {{"längst"}, {"–"}}, {{"last"}, {""}}}};
}

TEST(AlignedText, CountsCodePointsAndLeavesNoTrailingBlanks) {
  EXPECT_EQ(aligned_text(sample(), false),
            "name     Δ\n"
            "a       +1\n"
            "längst   –\n"
            "last\n");
}

TEST(AlignedText, ColourTakesNoWidth) {
  Table table = sample();
  table.rows[0][1].emphasis = Emphasis::kAlarm;
  EXPECT_EQ(aligned_text(table, true),
            "\x1b[1mname\x1b[0m     \x1b[1mΔ\x1b[0m\n"
            "a       \x1b[31m+1\x1b[0m\n"
            "längst   –\n"
            "last\n");
  EXPECT_EQ(aligned_text(table, false).find('\x1b'), std::string::npos);
}

TEST(AlignedText, OfNoRowsIsTheHeader) { EXPECT_EQ(aligned_text({{"x"}, {Align::kLeft}, {}}, false), "x\n"); }

TEST(MarkdownText, EscapesPipesAndLineBreaks) {
  EXPECT_EQ(markdown_text({{"a|b"}, {Align::kLeft}, {{{"c\nd|e"}}}}), "| a\\|b |\n| --- |\n| c d\\|e |\n");
}

TEST(MarkdownText, MarksRightAlignedColumns) {
  EXPECT_EQ(markdown_text({{"a", "b"}, {Align::kLeft, Align::kRight}, {}}), "| a | b |\n| --- | ---: |\n");
}

TEST(OneLine, ReplacesControlCharacters) { EXPECT_EQ(one_line("a\tb\x1b[31m\r\nc"), "a b [31m  c"); }

}  // namespace
}  // namespace autonorm::report
