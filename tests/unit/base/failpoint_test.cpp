#include "core/base/failpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <set>

namespace autonorm {
namespace {

using ::testing::HasSubstr;

// In a process of its own: how it ended after passing two points so many times; 7 = it lived.
int life(const std::string& armed, int passes) {
  const pid_t child = fork();
  if (child == 0) {
    if (!arm_failpoint(armed).ok()) _exit(8);
    for (int i = 0; i < passes; ++i) {
      pass(Failpoint::kCommitAfter);
      pass(Failpoint::kCommitBefore);
    }
    _exit(7);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(Failpoint, TheProcessDiesAtTheKthPassOnceAndTheFileProvesIt) {
  const auto file = std::filesystem::path(::testing::TempDir()) / ("failpoint-" + std::to_string(getpid()));
  const std::string armed = "coordinator.commit.before:3:" + file.string();
  EXPECT_EQ(life("", 10), 7);
  EXPECT_EQ(life(armed, 2), 7);
  EXPECT_FALSE(std::filesystem::exists(file));
  EXPECT_EQ(life(armed, 3), -SIGKILL);
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_EQ(life(armed, 10), 7) << "somebody has died of it already";
  std::filesystem::remove(file);
}

TEST(Failpoint, WrongTextSaysWhatIsAllowed) {
  for (const char* text :
       {"coordinator.commit.before", "coordinator.commit.before:1", "coordinator.commit.before:1:"}) {
    EXPECT_THAT(arm_failpoint(text).message(), HasSubstr("must be NAME:K:FILE")) << text;
  }
  EXPECT_THAT(
      arm_failpoint("worker.spool:1:/x").message(),
      AllOf(HasSubstr("there is no point 'worker.spool'"), HasSubstr("worker.spool.before, worker.spool.after")));
  for (const char* text : {"worker.retire:0:/x", "worker.retire:-1:/x", "worker.retire:1x:/x", "worker.retire::/x"})
    EXPECT_THAT(arm_failpoint(text).message(), HasSubstr("is not a number of passes")) << text;
}

TEST(Failpoint, EveryPointIsInTheTableOnce) {
  std::set<std::string_view> names;
  int expected = static_cast<int>(Failpoint::kNone);
  for (const FailpointRow& row : failpoints()) {
    EXPECT_EQ(static_cast<int>(row.point), ++expected) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
  }
  EXPECT_EQ(expected, static_cast<int>(Failpoint::kResultBefore)) << "the last one";
}

}  // namespace
}  // namespace autonorm
