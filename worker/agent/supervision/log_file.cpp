#include "worker/agent/supervision/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "core/base/log.h"

namespace autonorm::agent {

LogFile::LogFile(std::filesystem::path folder, int64_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {
  open();
}

void LogFile::open() {
  const auto path = folder_ / "log.txt";
  file_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_.valid()) {
    if (!failed_)
      log_warning(system_error(cat("opening ", path.string()), errno).message(), "; the trainer's output is lost");
    failed_ = true;
    return;
  }
  struct stat info {};
  size_ = fstat(file_.get(), &info) == 0 ? info.st_size : 0;
}

void LogFile::write(std::string_view bytes) {
  remember(bytes);
  if (size_ + static_cast<int64_t>(bytes.size()) > max_bytes_ && size_ > 0) {
    std::error_code error;
    std::filesystem::rename(folder_ / "log.txt", folder_ / "log.1.txt", error);
    if (!error) open();
  }
  if (!file_.valid()) return;
  const Status written = write_all(file_.get(), bytes, (folder_ / "log.txt").string());
  if (!written.ok() && !failed_) log_warning(written.message(), "; the trainer's output is lost");
  failed_ = failed_ || !written.ok();
  size_ += static_cast<int64_t>(bytes.size());
}

void LogFile::remember(std::string_view bytes) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (partial_.size() < kTailLineBytes) partial_ += c;
      continue;
    }
    lines_.push_back(std::move(partial_));
    partial_.clear();
    if (lines_.size() > kTailLines) lines_.pop_front();
  }
}

std::vector<std::string> LogFile::tail() const {
  std::vector<std::string> tail(lines_.begin(), lines_.end());
  if (!partial_.empty()) tail.push_back(partial_);
  if (tail.size() > kTailLines) tail.erase(tail.begin());
  return tail;
}

}  // namespace autonorm::agent
