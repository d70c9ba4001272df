#include "core/base/rotating_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace autonorm {

RotatingFile::RotatingFile(std::filesystem::path path, int64_t max_bytes, int older_files)
    : path_(std::move(path)), max_bytes_(max_bytes), older_files_(older_files) {}

Status RotatingFile::open() {
  file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_.valid()) return system_error(cat("opening ", path_.string()), errno);
  struct stat info {};
  size_ = ::fstat(file_.get(), &info) == 0 ? info.st_size : 0;
  return {};
}

std::filesystem::path RotatingFile::older(int number) const {
  return path_.parent_path() / cat(path_.stem().string(), ".", number, path_.extension().string());
}

Status RotatingFile::rotate() {
  std::error_code error;
  for (int number = older_files_ - 1; number >= 1; --number) {
    if (std::filesystem::exists(older(number), error)) std::filesystem::rename(older(number), older(number + 1), error);
  }
  if (older_files_ > 0) {
    std::filesystem::rename(path_, older(1), error);
  } else {
    std::filesystem::remove(path_, error);
  }
  if (error) return system_error(cat("rotating ", path_.string()), error.value());
  return open();
}

Status RotatingFile::write(std::string_view bytes) {
  if (!file_.valid()) AUTONORM_RETURN_IF_ERROR(open());
  if (size_ > 0 && size_ + static_cast<int64_t>(bytes.size()) > max_bytes_) AUTONORM_RETURN_IF_ERROR(rotate());
  size_ += static_cast<int64_t>(bytes.size());
  return write_all(file_.get(), bytes, path_.string());
}

}  // namespace autonorm
