#include "worker/agent/delivery/work_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/agent/temporary_folder.h"

namespace autonorm::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

fleet::AttemptKey key(char trial, int attempt) {
  return {TrialId(std::string(64, trial)), Attempt(attempt), Token(std::string(32, 't') + std::to_string(attempt))};
}

void put(const std::filesystem::path& path) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << "x";
}

TEST(WorkDir, TheIdStaysAndTheIncarnationGrows) {
  const TemporaryFolder folder;
  {
    const auto first = WorkDir::open(folder.path(), 0, "aaaa");
    ASSERT_TRUE(first.ok()) << first.status().message();
    EXPECT_EQ(first->worker(), WorkerId("aaaa"));
    EXPECT_EQ(first->incarnation(), 1);
  }
  const auto second = WorkDir::open(folder.path(), 0, "bbbb");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->worker(), WorkerId("aaaa"));
  EXPECT_EQ(second->incarnation(), 2);
  const auto other_rank = WorkDir::open(folder.path(), 1, "cccc");
  ASSERT_TRUE(other_rank.ok());
  EXPECT_EQ(other_rank->worker(), WorkerId("cccc"));
}

TEST(WorkDir, ASecondProcessIsRefusedNamingTheFirst) {
  const TemporaryFolder folder;
  const auto first = WorkDir::open(folder.path(), 3, "aaaa");
  ASSERT_TRUE(first.ok());
  const auto second = WorkDir::open(folder.path(), 3, "bbbb");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.status().code(), Code::kConflict);
  EXPECT_THAT(second.status().message(), HasSubstr("process " + std::to_string(getpid())));
  EXPECT_THAT(second.status().message(), HasSubstr("--work-dir"));
}

TEST(WorkDir, AFolderThatCannotBeMadeSaysSo) {
  const TemporaryFolder folder;
  put(folder.path() / "file");
  const auto result = WorkDir::open(folder.path() / "file", 0, "aaaa");
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("choose one with --work-dir"));
}

TEST(WorkDir, OpenAttemptsAreThoseWithAToken) {
  const TemporaryFolder folder;
  const auto dir = WorkDir::open(folder.path(), 0, "aaaa");
  ASSERT_TRUE(dir.ok());
  ASSERT_TRUE(dir->create(key('a', 1), "{}").ok());
  ASSERT_TRUE(dir->create(key('b', 12), "{}").ok());
  EXPECT_THAT(dir->open_attempts(), ElementsAre(key('a', 1), key('b', 12)));
  EXPECT_EQ(*read_file(dir->folder(key('a', 1)) / "trial.json"), "{}");
  ASSERT_TRUE(dir->retire(key('a', 1), false).ok());
  EXPECT_THAT(dir->open_attempts(), ElementsAre(key('b', 12)));
}

TEST(WorkDir, RetiringKeepsTheLogAndOnWishTheCheckpoints) {
  const TemporaryFolder folder;
  const auto dir = WorkDir::open(folder.path(), 0, "aaaa");
  ASSERT_TRUE(dir.ok());
  for (const int attempt : {1, 2}) {
    ASSERT_TRUE(dir->create(key('a', attempt), "{}").ok());
    put(dir->folder(key('a', attempt)) / "log.txt");
    put(dir->folder(key('a', attempt)) / "events.jsonl");
    put(dir->folder(key('a', attempt)) / "checkpoints/step-5/manifest.json");
  }
  ASSERT_TRUE(dir->retire(key('a', 1), true).ok());
  ASSERT_TRUE(dir->retire(key('a', 2), false).ok());
  using std::filesystem::exists;
  EXPECT_TRUE(exists(dir->folder(key('a', 1)) / "log.txt"));
  EXPECT_TRUE(exists(dir->folder(key('a', 2)) / "log.txt"));
  EXPECT_FALSE(exists(dir->folder(key('a', 1)) / "events.jsonl"));
  EXPECT_FALSE(exists(dir->folder(key('a', 2)) / "checkpoints"));
  EXPECT_THAT(dir->checkpoints(TrialId(std::string(64, 'a'))),
              ElementsAre(dir->folder(key('a', 1)) / "checkpoints/step-5"));
}

TEST(WorkDir, CheckpointsOfTheNewestAttemptComeFirst) {
  const TemporaryFolder folder;
  const auto dir = WorkDir::open(folder.path(), 0, "aaaa");
  ASSERT_TRUE(dir.ok());
  for (const int attempt : {2, 10}) {
    ASSERT_TRUE(dir->create(key('a', attempt), "{}").ok());
    put(dir->folder(key('a', attempt)) / "checkpoints/step-5/manifest.json");
  }
  EXPECT_THAT(dir->checkpoints(key('a', 2).trial), ElementsAre(dir->folder(key('a', 10)) / "checkpoints/step-5",
                                                               dir->folder(key('a', 2)) / "checkpoints/step-5"));
}

TEST(WorkDir, RetiredAttemptsAreBounded) {
  const TemporaryFolder folder;
  const auto dir = WorkDir::open(folder.path(), 0, "aaaa");
  ASSERT_TRUE(dir.ok());
  constexpr int kMany = static_cast<int>(WorkDir::Retention().logs) + 10;
  for (int attempt = 1; attempt <= kMany; ++attempt) {
    ASSERT_TRUE(dir->create(key('a', attempt), "{}").ok());
    put(dir->folder(key('a', attempt)) / "checkpoints/step-5/manifest.json");
    ASSERT_TRUE(dir->retire(key('a', attempt), true).ok());
  }
  size_t folders = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir->folder(key('a', 1)).parent_path()))
    ++folders;
  EXPECT_EQ(folders, WorkDir::Retention().logs);
  EXPECT_EQ(dir->checkpoints(key('a', 1).trial).size(), WorkDir::Retention().checkpoints);
}

TEST(WorkDir, RetiredCheckpointsAreBoundedByTheirSizeToo) {
  const TemporaryFolder folder;
  const auto dir = WorkDir::open(folder.path(), 0, "aaaa", {.logs = 64, .checkpoints = 4, .checkpoint_bytes = 2500});
  ASSERT_TRUE(dir.ok());
  for (int attempt = 1; attempt <= 4; ++attempt) {
    ASSERT_TRUE(dir->create(key('a', attempt), "{}").ok());
    const auto file = dir->folder(key('a', attempt)) / "checkpoints/step-5/state.bin";
    put(file);
    std::filesystem::resize_file(file, attempt == 4 ? 9000 : 1000);
    ASSERT_TRUE(dir->retire(key('a', attempt), true).ok());
    if (attempt == 3) {
      EXPECT_EQ(dir->checkpoints(key('a', 1).trial).size(), 2U);
    }
  }
  EXPECT_THAT(dir->checkpoints(key('a', 1).trial), ElementsAre(dir->folder(key('a', 4)) / "checkpoints/step-5"))
      << "the newest stays, however large";
}

}  // namespace
}  // namespace autonorm::agent
