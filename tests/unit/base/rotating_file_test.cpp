#include "core/base/rotating_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/server/temporary_folder.h"

namespace autonorm {
namespace {

std::string text_of(const std::filesystem::path& path) { return read_file(path).value(); }

TEST(RotatingFile, TheOldestGoesAndNoLineIsSplit) {
  const TemporaryFolder folder;
  RotatingFile file(folder.path() / "a.log", 10, 2);
  for (const char* line : {"one 1\n", "two 2\n", "three\n", "four4\n"}) ASSERT_TRUE(file.write(line).ok());
  EXPECT_EQ(text_of(folder.path() / "a.log"), "four4\n");
  EXPECT_EQ(text_of(folder.path() / "a.1.log"), "three\n");
  EXPECT_EQ(text_of(folder.path() / "a.2.log"), "two 2\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 3);
}

TEST(RotatingFile, ANewProcessGoesOnWhereTheLastOneStopped) {
  const TemporaryFolder folder;
  const auto path = folder.path() / "a.log";
  ASSERT_TRUE(RotatingFile(path, 10, 1).write("123456\n").ok());
  RotatingFile again(path, 10, 1);
  ASSERT_TRUE(again.write("78\n").ok());
  EXPECT_EQ(text_of(path), "123456\n78\n");
  ASSERT_TRUE(again.write("9\n").ok());
  EXPECT_EQ(text_of(path), "9\n");
}

TEST(RotatingFile, WithoutOlderFilesItBeginsAnew) {
  const TemporaryFolder folder;
  RotatingFile file(folder.path() / "a.log", 4, 0);
  ASSERT_TRUE(file.write("123\n").ok());
  ASSERT_TRUE(file.write("a line longer than the limit stays whole\n").ok());
  EXPECT_EQ(text_of(folder.path() / "a.log"), "a line longer than the limit stays whole\n");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a.1.log"));
}

TEST(RotatingFile, AFolderThatIsMissingIsSaidAndTriedAgain) {
  const TemporaryFolder folder;
  RotatingFile file(folder.path() / "later/a.log", 100, 1);
  const Status status = file.write("x\n");
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("later/a.log"), std::string::npos);
  std::filesystem::create_directories(folder.path() / "later");
  EXPECT_TRUE(file.write("y\n").ok());
}

}  // namespace
}  // namespace autonorm
