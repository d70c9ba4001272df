#include "core/base/durable_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace autonorm {

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

Result<std::string> read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return system_error(cat("reading ", path.string()), EISDIR);
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error(cat("opening ", path.string()), errno);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) return system_error(cat("reading ", path.string()), errno);
  return std::move(out).str();
}

Status write_all(int fd, std::string_view bytes, std::string_view what) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(cat("writing ", what), errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Status sync_path(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return system_error(cat("opening ", path.string()), errno);
  if (::fsync(fd.get()) != 0) return system_error(cat("fsync of ", path.string()), errno);
  return {};
}

namespace {

Status write_and_sync(const std::filesystem::path& path, std::string_view content) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd.valid()) return system_error(cat("creating ", path.string()), errno);
  AUTONORM_RETURN_IF_ERROR(write_all(fd.get(), content, path.string()));
  if (::fsync(fd.get()) != 0) return system_error(cat("fsync of ", path.string()), errno);
  return {};
}

// Two threads may write the same path at once; the last rename wins.
std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  static std::atomic<uint64_t> counter{0};
  std::filesystem::path temporary = path;
  temporary += cat(".tmp-", ::getpid(), "-", counter++);
  return temporary;
}

}  // namespace

Status write_file_durably(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = temporary_beside(path);
  Status status = write_and_sync(temporary, content);
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    status = system_error(cat("renaming to ", path.string()), errno);
  }
  if (!status.ok()) {
    ::unlink(temporary.c_str());  // best effort: the first failure is the one to report
    return status;
  }
  const auto folder = path.parent_path();
  return sync_path(folder.empty() ? std::filesystem::path(".") : folder);
}

}  // namespace autonorm
