// A log file of bounded size: when it is full, NAME.ext becomes NAME.1.ext, that one NAME.2.ext and so on; the oldest
// goes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>

#include "core/base/durable_file.h"
#include "core/base/status.h"

namespace autonorm {

// Not thread-safe.
class RotatingFile {
 public:
  // Appends to what is there. At most `max_bytes` per file, and `older_files` besides the current one. A file that
  // cannot be opened is tried again with each write.
  RotatingFile(std::filesystem::path path, int64_t max_bytes, int older_files);

  // Never splits `bytes` over two files; not durable. After a failure some of it may be in the file.
  Status write(std::string_view bytes);
  const std::filesystem::path& path() const { return path_; }

 private:
  Status open();
  Status rotate();
  std::filesystem::path older(int number) const;

  std::filesystem::path path_;
  int64_t max_bytes_;
  int older_files_;
  Fd file_;
  int64_t size_ = 0;
};

}  // namespace autonorm
