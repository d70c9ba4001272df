#include "core/base/bounded_log.h"

#include <gtest/gtest.h>

#include "tests/unit/server/temporary_folder.h"

namespace autonorm {
namespace {

class FixedClock final : public Clock {
 public:
  Now now() const override { return {{}, wall_from_us(1'700'000'000'123'456)}; }
};

TEST(BoundedLog, LinesHaveTimeAndLevelAndFilesABound) {
  const TemporaryFolder folder;
  const FixedClock clock;
  BoundedLog log(clock, /*max_bytes=*/100, /*older_files=*/1);
  log.write(LogLevel::kError, "before it was opened");
  log.open(folder.path() / "x.log");
  log.write(LogLevel::kDebug, "too small a thing");
  log.write(LogLevel::kInfo, "one");
  log.write(LogLevel::kWarning, "two");
  EXPECT_EQ(read_file(folder.path() / "x.log").value(),
            "2023-11-14T22:13:20.123Z info one\n2023-11-14T22:13:20.123Z warning two\n");
  for (int i = 0; i < 50; ++i) log.write(LogLevel::kInfo, "again and again");
  uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) bytes += entry.file_size();
  EXPECT_LE(bytes, 200U);
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "x.1.log"));
}

TEST(BoundedLog, AFileThatCannotBeWrittenCostsOnlyTheLines) {
  const TemporaryFolder folder;
  const FixedClock clock;
  BoundedLog log(clock);
  log.open(folder.path() / "missing/x.log");
  log.write(LogLevel::kInfo, "lost");
  std::filesystem::create_directories(folder.path() / "missing");
  log.write(LogLevel::kInfo, "kept");
  EXPECT_EQ(read_file(folder.path() / "missing/x.log").value(), "2023-11-14T22:13:20.123Z info kept\n");
}

}  // namespace
}  // namespace autonorm
