// A fresh folder that is removed with everything in it.
//
// In memory (where /dev/shm is) an fsync costs nothing: for tests that write a database row by row and in which no
// power ever fails.
#pragma once
#include <filesystem>

namespace autonorm::testing {

class TemporaryFolder {
 public:
  enum class Where { kDisk, kMemory };
  explicit TemporaryFolder(Where where = Where::kDisk);
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace autonorm::testing
