#include "core/base/durable_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

namespace autonorm {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

class DurableFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/durable-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override {
    ::chmod(folder_.c_str(), 0700);
    fs::remove_all(folder_);
  }
  size_t files() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
  }
  fs::path folder_;
};

TEST_F(DurableFile, WritesAndReadsBack) {
  const std::string content("line\n\0binary", 12);
  ASSERT_TRUE(write_file_durably(folder_ / "a", content).ok());
  const auto read = read_file(folder_ / "a");
  ASSERT_TRUE(read.ok()) << read.status().message();
  EXPECT_EQ(*read, content);
  EXPECT_EQ(files(), 1u) << "the temporary file must be gone";
}

TEST_F(DurableFile, ReplacesAnOlderFile) {
  ASSERT_TRUE(write_file_durably(folder_ / "a", "a much longer first version").ok());
  ASSERT_TRUE(write_file_durably(folder_ / "a", "second").ok());
  EXPECT_EQ(*read_file(folder_ / "a"), "second");
}

TEST_F(DurableFile, WritesAnEmptyFile) {
  ASSERT_TRUE(write_file_durably(folder_ / "a", "").ok());
  EXPECT_EQ(*read_file(folder_ / "a"), "");
}

TEST_F(DurableFile, AReaderOfTheOldFileIsNotDisturbed) {
  ASSERT_TRUE(write_file_durably(folder_ / "a", "old").ok());
  const Fd reader(::open((folder_ / "a").c_str(), O_RDONLY));
  ASSERT_TRUE(reader.valid());
  ASSERT_TRUE(write_file_durably(folder_ / "a", "new").ok());
  char buffer[8] = {};
  EXPECT_EQ(::read(reader.get(), buffer, sizeof buffer), 3);
  EXPECT_STREQ(buffer, "old");
}

TEST_F(DurableFile, AReadOnlyFolderIsNamedAndTheOldFileKept) {
  ASSERT_TRUE(write_file_durably(folder_ / "a", "old").ok());
  ASSERT_EQ(::chmod(folder_.c_str(), 0555), 0);
  // Root may write everywhere, so it steps down for the attempt.
  const bool root = ::geteuid() == 0;
  constexpr uid_t kNobody = 65534;
  if (root && ::seteuid(kNobody) != 0) GTEST_SKIP() << "cannot step down from root here";
  const Status status = write_file_durably(folder_ / "a", "new");
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  EXPECT_EQ(status.code(), Code::kInvalid);
  EXPECT_THAT(status.message(), HasSubstr(folder_.string()));
  EXPECT_THAT(status.message(), HasSubstr("Permission denied"));
  EXPECT_EQ(*read_file(folder_ / "a"), "old");
}

TEST_F(DurableFile, AFolderInTheWayIsNamedAndNothingIsLeftBehind) {
  fs::create_directory(folder_ / "a");
  const Status status = write_file_durably(folder_ / "a", "content");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(status.message(), HasSubstr((folder_ / "a").string()));
  EXPECT_EQ(files(), 1u) << "the temporary file must be gone";
}

TEST_F(DurableFile, AFullDeviceIsExhaustion) {
  const Fd full(::open("/dev/full", O_WRONLY));
  if (!full.valid()) GTEST_SKIP() << "no /dev/full here";
  const Status status = write_all(full.get(), "content", "the log");
  EXPECT_EQ(status.code(), Code::kExhausted);
  EXPECT_EQ(status.message(), "writing the log: No space left on device");
}

TEST_F(DurableFile, AMissingFolderIsNotFound) {
  EXPECT_EQ(write_file_durably(folder_ / "missing" / "a", "x").code(), Code::kNotFound);
}

TEST_F(DurableFile, ReadingWhatIsNotAFileFails) {
  EXPECT_EQ(read_file(folder_ / "missing").status().code(), Code::kNotFound);
  const auto folder = read_file(folder_);
  ASSERT_FALSE(folder.ok());
  EXPECT_THAT(folder.status().message(), HasSubstr("Is a directory"));
}

TEST_F(DurableFile, SyncsFilesAndFolders) {
  ASSERT_TRUE(write_file_durably(folder_ / "a", "x").ok());
  EXPECT_TRUE(sync_path(folder_ / "a").ok());
  EXPECT_TRUE(sync_path(folder_).ok());
  EXPECT_EQ(sync_path(folder_ / "missing").code(), Code::kNotFound);
}

TEST(FdOwner, ClosesOnceAndMoves) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd reader(ends[0]);
  {
    Fd writer(ends[1]);
    Fd moved = std::move(writer);
    EXPECT_EQ(moved.get(), ends[1]);
    EXPECT_FALSE(writer.valid());
  }
  char byte;
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0) << "end of file: the only writer is closed";
  EXPECT_EQ(::fcntl(ends[1], F_GETFD), -1);
}

}  // namespace
}  // namespace autonorm
