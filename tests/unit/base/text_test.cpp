#include "core/base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace autonorm {
namespace {

TEST(Cat, PrintsEveryPart) { EXPECT_EQ(cat("step ", 12, '/', 0.5, std::string(" s")), "step 12/0.5 s"); }

TEST(Join, SeparatesItems) {
  EXPECT_EQ(join(std::vector<std::string>{"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(join(std::vector<std::string>{"a", "b"}, " | "), "a | b");
  EXPECT_EQ(join({}), "");
}

TEST(EditDistance, CountsEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("layer", "layer"), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("alhpa", "alpha"), 1u);  // adjacent letters exchanged
}

TEST(EditDistance, IsSymmetric) {
  const std::array words = {"layer", "layre", "rms", "selector", "", "scale"};
  for (const std::string_view a : words) {
    for (const std::string_view b : words) EXPECT_EQ(edit_distance(a, b), edit_distance(b, a)) << a << " " << b;
  }
}

TEST(Nearest, FindsTypingErrors) {
  const std::vector<std::string> names = {"epochs", "batch", "optimizer", "weight_decay", "warmup"};
  EXPECT_EQ(nearest("epoch", names), "epochs");
  EXPECT_EQ(nearest("weigth_decay", names), "weight_decay");
  EXPECT_EQ(nearest("optimiser", names), "optimizer");
}

TEST(Nearest, KeepsQuietWhenNothingIsNear) {
  EXPECT_EQ(nearest("learning_rate", std::vector<std::string>{"epochs", "batch"}), "");
  EXPECT_EQ(nearest("anything", {}), "");
}

TEST(Nearest, AllowsOneEditInShortWords) {
  EXPECT_EQ(nearest("lr", std::vector<std::string>{"lr", "tau"}), "lr");
  EXPECT_EQ(nearest("l", std::vector<std::string>{"lr"}), "lr");
  EXPECT_EQ(nearest("xy", std::vector<std::string>{"lr"}), "");
}

TEST(Nearest, PrefersTheFirstOfEquallyNearNames) {
  EXPECT_EQ(nearest("rats", std::vector<std::string>{"bats", "cats"}), "bats");
}

TEST(ToHex, IsLowerCaseWithTwoDigitsPerByte) {
  const std::array<unsigned char, 4> bytes = {0x00, 0x0f, 0xa0, 0xff};
  EXPECT_EQ(to_hex(bytes), "000fa0ff");
}

}  // namespace
}  // namespace autonorm
