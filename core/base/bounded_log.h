// Log lines in files of bounded size: what a program says on the terminal, kept where its state is. Thread-safe.
#pragma once
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/rotating_file.h"

namespace autonorm {

class BoundedLog {
 public:
  static constexpr int64_t kMaxBytes = int64_t{10} << 20;  // of one file
  static constexpr int kOlderFiles = 4;

  // Lines are dropped until open(). `clock` must outlive it.
  explicit BoundedLog(const Clock& clock, int64_t max_bytes = kMaxBytes, int older_files = kOlderFiles)
      : clock_(clock), max_bytes_(max_bytes), older_files_(older_files) {}

  void open(const std::filesystem::path& file);
  // "2025-01-31T12:00:00.123Z warning text". Debug lines are left out. A disk that takes no more costs the lines and
  // nothing else; that is said on stderr, once until it works again.
  void write(LogLevel level, const std::string& text);

 private:
  const Clock& clock_;
  const int64_t max_bytes_;
  const int older_files_;
  std::mutex mutex_;
  std::optional<RotatingFile> file_;  // guarded by mutex_
  bool complained_ = false;           // guarded by mutex_
};

}  // namespace autonorm
