// Files that survive a power cut: written beside their place, fsynced, renamed, folder fsynced.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace autonorm {

// Owns a POSIX file descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

Result<std::string> read_file(const std::filesystem::path& path);
// Atomically replaces `path`; after ok() the new content survives a power cut.
Status write_file_durably(const std::filesystem::path& path, std::string_view content);
// fsync of a file or folder.
Status sync_path(const std::filesystem::path& path);
// Writes everything, retrying on EINTR and short writes.
Status write_all(int fd, std::string_view bytes, std::string_view what);

}  // namespace autonorm
