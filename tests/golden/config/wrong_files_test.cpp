// Wrong sweep files and the exact text that people see: NAME.toml beside NAME.expected.
// AUTONORM_BLESS=1 in the environment writes the .expected files anew; read the difference before you commit it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/config/sweep.h"

namespace autonorm::config {
namespace {

namespace fs = std::filesystem;

const fs::path kFolder = AUTONORM_SOURCE_DIR "/tests/golden/config";

std::vector<std::string> names_with(const std::string& extension) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kFolder)) {
    if (entry.path().extension() == extension) names.push_back(entry.path().stem().string());
  }
  std::ranges::sort(names);
  return names;
}

std::string content(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// What the command line does with a file: read it with its includes, then expand.
std::string answer(const std::string& path) {
  const auto source = load_sweep_source(path);
  if (!source.ok()) return source.status().message() + "\n";
  const auto sweep = expand_sweep(*source);
  return sweep.ok() ? "accepted\n" : sweep.status().message() + "\n";
}

class WrongFile : public testing::TestWithParam<std::string> {};

TEST_P(WrongFile, GetsItsMessage) {
  fs::current_path(kFolder);  // messages name files as they were given
  const std::string found = answer(GetParam() + ".toml");
  ASSERT_NE(found, "accepted\n");
  const fs::path expected = kFolder / (GetParam() + ".expected");
  if (std::getenv("AUTONORM_BLESS") != nullptr) std::ofstream(expected) << found;
  EXPECT_EQ(found, content(expected));
}

INSTANTIATE_TEST_SUITE_P(Golden, WrongFile, testing::ValuesIn(names_with(".toml")),
                         [](const auto& info) { return info.param; });

TEST(WrongFiles, EachHasAnExpectedTextAndTheOtherWayRound) {
  EXPECT_EQ(names_with(".toml"), names_with(".expected"));
  EXPECT_GE(names_with(".toml").size(), 25u);
}

}  // namespace
}  // namespace autonorm::config
