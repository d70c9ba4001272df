#include "coordinator/store/artifact_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/system_clock.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::store {
namespace {

struct ArtifactStoreTest : ::testing::Test {
  void SetUp() override { artifacts = ArtifactStore::open(folder.path() / "artifacts", testing::kSystemClock).value(); }
  size_t incoming() const {
    const std::filesystem::directory_iterator files(folder.path() / "artifacts" / "incoming");
    return static_cast<size_t>(std::distance(begin(files), end(files)));
  }
  testing::TemporaryFolder folder;
  std::unique_ptr<ArtifactStore> artifacts;
  const std::string content = "weights and biases";
  const Sha256 hash = sha256(content);
};

TEST_F(ArtifactStoreTest, ComesBackByItsHash) {
  EXPECT_FALSE(artifacts->exists(hash));
  auto writer = artifacts->create(hash);
  ASSERT_TRUE(writer.ok());
  EXPECT_TRUE((*writer)->write(content.substr(0, 7)).ok());
  EXPECT_TRUE((*writer)->write(content.substr(7)).ok());
  EXPECT_FALSE(artifacts->exists(hash)) << "not before it is whole";
  ASSERT_TRUE((*writer)->finish().ok());
  EXPECT_TRUE(artifacts->exists(hash));
  EXPECT_EQ(artifacts->read(hash).value(), content);
  EXPECT_EQ(artifacts->path(hash), folder.path() / "artifacts" / hash.value().substr(0, 2) / hash.value());
  auto reader = artifacts->open_reader(hash);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ((*reader)->bytes(), static_cast<int64_t>(content.size()));
  EXPECT_EQ((*reader)->read(7).value(), "weights");
  EXPECT_EQ((*reader)->read(100).value(), " and biases");
  EXPECT_EQ((*reader)->read(100).value(), "");
}

// A clock that the test moves.
struct HandClock final : Clock {
  Now now() const override { return at; }
  Now at{SteadyTime(std::chrono::hours(5)), wall_from_us(1'700'000'000'000'000)};
};

struct ArtifactAges : ArtifactStoreTest {
  void SetUp() override { open(); }
  void open() {
    artifacts.reset();
    artifacts = ArtifactStore::open(folder.path() / "artifacts", clock).value();
  }
  void store(const std::string& bytes) {
    auto writer = artifacts->create(sha256(bytes)).value();
    ASSERT_TRUE(writer->write(bytes).ok() && writer->finish().ok());
  }
  void pass(std::chrono::minutes span) {
    clock.at.steady += span;
    clock.at.wall += span;
  }
  bool goes(const std::string& bytes) {
    return artifacts->remove(sha256(bytes), artifacts->unused_since(std::chrono::hours(1))).has_value();
  }
  HandClock clock;
};

TEST_F(ArtifactAges, AnHourWithoutUseIsAnHourOfTheSteadyClock) {
  store("a");
  pass(std::chrono::minutes(59));
  EXPECT_FALSE(goes("a"));
  pass(std::chrono::minutes(2));
  EXPECT_TRUE(goes("a"));
}

TEST_F(ArtifactAges, AClockThatJumpsAheadMakesNoFreshFileOld) {
  store("a");
  clock.at.wall += std::chrono::hours(24 * 365);
  EXPECT_FALSE(goes("a"));
  store("b");
  EXPECT_EQ(artifacts->stale_uploads(artifacts->unused_since(std::chrono::hours(1)), false).files, 0);
  pass(std::chrono::minutes(61));
  EXPECT_TRUE(goes("a") && goes("b"));
}

TEST_F(ArtifactAges, WhatWasStoredWhileTheClockWasBehindIsNotOldOnceItIsPutRight) {
  clock.at.wall -= std::chrono::hours(3);
  store("a");
  clock.at.wall += std::chrono::hours(3);
  EXPECT_FALSE(goes("a"));
  clock.at.wall -= std::chrono::hours(3);
  EXPECT_TRUE(artifacts->claim(sha256("a")));
  clock.at.wall += std::chrono::hours(3);
  pass(std::chrono::minutes(59));
  EXPECT_FALSE(goes("a"));
}

// A worker may still say what the files are for that it sent to the process before.
TEST_F(ArtifactAges, AClockThatJumpsDuringARestartMakesNoFreshFileOld) {
  store("old");
  pass(std::chrono::hours(2));
  store("fresh");
  clock.at = {SteadyTime(std::chrono::seconds(1)), clock.at.wall + std::chrono::hours(5)};
  open();
  EXPECT_FALSE(goes("fresh"));
  EXPECT_TRUE(goes("old"));
  pass(std::chrono::minutes(59));
  EXPECT_FALSE(goes("fresh"));
  store("new");
  pass(std::chrono::minutes(2));
  EXPECT_TRUE(goes("fresh"));
  EXPECT_FALSE(goes("new"));
}

TEST_F(ArtifactAges, AClockThatIsBehindAfterARestartGoesOnFromTheNewestFile) {
  store("a");
  clock.at.wall -= std::chrono::hours(5);
  open();
  store("b");
  pass(std::chrono::minutes(59));
  EXPECT_FALSE(goes("a") || goes("b"));
  pass(std::chrono::minutes(2));
  EXPECT_TRUE(goes("a") && goes("b"));
}

TEST_F(ArtifactStoreTest, WhatIsDamagedIsFoundAndMakesRoomForTheSameBytes) {
  auto writer = artifacts->create(hash).value();
  ASSERT_TRUE(writer->write(content).ok() && writer->finish().ok());
  ASSERT_TRUE(write_file_durably(artifacts->path(hash), "weights and diases").ok());
  auto reader = artifacts->open_reader(hash).value();
  EXPECT_TRUE(reader->read(content.size()).ok()) << "known at the end only";
  const auto end = reader->read(1);
  EXPECT_EQ(end.status().code(), Code::kInvalid);
  EXPECT_NE(end.status().message().find(artifacts->path(hash).string()), std::string::npos);
  EXPECT_TRUE(artifacts->discard(*reader));
  EXPECT_FALSE(artifacts->exists(hash));
  writer = artifacts->create(hash).value();
  ASSERT_TRUE(writer->write(content).ok() && writer->finish().ok());
  EXPECT_FALSE(artifacts->discard(*reader)) << "it read another file";
  EXPECT_EQ(artifacts->read(hash).value(), content);
}

TEST_F(ArtifactStoreTest, OtherBytesAreRefusedAndRemoved) {
  {
    auto writer = artifacts->create(hash).value();
    ASSERT_TRUE(writer->write("something else").ok());
    const Status status = writer->finish();
    EXPECT_EQ(status.code(), Code::kInvalid);
    EXPECT_NE(status.message().find(sha256("something else").value()), std::string::npos);
  }
  EXPECT_FALSE(artifacts->exists(hash));
  EXPECT_EQ(incoming(), 0U);
}

TEST_F(ArtifactStoreTest, AnUnfinishedUploadLeavesNothing) {
  { ASSERT_TRUE(artifacts->create(hash).value()->write("half").ok()); }
  EXPECT_EQ(incoming(), 0U);
  ASSERT_TRUE(write_file_durably(folder.path() / "artifacts" / "incoming" / "of-a-killed-process", "x").ok());
  artifacts = ArtifactStore::open(folder.path() / "artifacts", testing::kSystemClock).value();
  EXPECT_EQ(incoming(), 0U);
}

TEST_F(ArtifactStoreTest, TwoUploadsOfOneArtifactAgree) {
  auto first = artifacts->create(hash).value(), second = artifacts->create(hash).value();
  ASSERT_TRUE(first->write(content).ok());
  ASSERT_TRUE(second->write(content).ok());
  EXPECT_TRUE(first->finish().ok());
  EXPECT_TRUE(second->finish().ok());
  EXPECT_EQ(artifacts->read(hash).value(), content);
}

TEST_F(ArtifactStoreTest, NamesThatAreNoHashesAreRefused) {
  for (const char* name : {"", "../../etc/passwd", "ABCDEF"}) {
    EXPECT_EQ(artifacts->create(Sha256(name)).status().code(), Code::kInvalid) << name;
    EXPECT_EQ(artifacts->open_reader(Sha256(name)).status().code(), Code::kInvalid) << name;
    EXPECT_FALSE(artifacts->exists(Sha256(name))) << name;
  }
  EXPECT_EQ(artifacts->open_reader(hash).status().code(), Code::kNotFound);
}

WallTime hours_ago(int hours) { return SystemClock().now().wall - std::chrono::hours(hours); }

TEST_F(ArtifactStoreTest, OnlyWhatWasNotUsedLatelyIsRemoved) {
  auto writer = artifacts->create(hash);
  ASSERT_TRUE((*writer)->write(content).ok() && (*writer)->finish().ok());
  ASSERT_EQ(artifacts->list()->size(), 1U);
  EXPECT_EQ(artifacts->list()->front().bytes, static_cast<int64_t>(content.size()));
  EXPECT_EQ(artifacts->remove(hash, hours_ago(1)), std::nullopt);
  std::filesystem::last_write_time(artifacts->path(hash),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_LT(artifacts->used(hash), hours_ago(1));
  EXPECT_TRUE(artifacts->claim(hash));
  EXPECT_EQ(artifacts->remove(hash, hours_ago(1)), std::nullopt) << "somebody counts on it again";
  std::filesystem::last_write_time(artifacts->path(hash),
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  EXPECT_EQ(artifacts->remove(hash, hours_ago(1)), static_cast<int64_t>(content.size()));
  EXPECT_FALSE(artifacts->exists(hash));
  EXPECT_FALSE(artifacts->claim(hash));
  EXPECT_EQ(artifacts->used(hash), WallTime::max());
  EXPECT_EQ(artifacts->remove(Sha256("../x"), hours_ago(1)), std::nullopt);
}

// An upload that was told "it is here already", or that put the file in its place, finds it there afterwards.
TEST_F(ArtifactStoreTest, RemovingBesideUploadsLosesNothing) {
  std::atomic<bool> done = false;
  std::atomic<int64_t> removed = 0;
  std::thread remover([&] {
    while (!done) removed += artifacts->remove(hash, hours_ago(1)).has_value() ? 1 : 0;
  });
  // At least 300 rounds, and until the two have met.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  for (int i = 0; i < 300 || (removed == 0 && std::chrono::steady_clock::now() < deadline); ++i) {
    if (!artifacts->claim(hash)) {
      auto writer = artifacts->create(hash);
      EXPECT_TRUE((*writer)->write(content).ok() && (*writer)->finish().ok());
    }
    EXPECT_TRUE(artifacts->exists(hash)) << i;
    std::error_code gone;
    std::filesystem::last_write_time(artifacts->path(hash),
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(2), gone);
  }
  done = true;
  remover.join();
  EXPECT_GT(removed, 0) << "the test did not meet the case";
}

}  // namespace
}  // namespace autonorm::store
