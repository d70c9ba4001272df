#include "worker/agent/supervision/log_file.h"

#include "core/base/log.h"

namespace autonorm::agent {

LogFile::LogFile(const std::filesystem::path& folder, int64_t max_bytes)
    : file_(folder / "log.txt", max_bytes, /*older_files=*/1) {}

void LogFile::write(std::string_view bytes) {
  remember(bytes);
  const Status written = file_.write(bytes);
  if (!written.ok() && !failed_) log_warning(written.message(), "; the trainer's output is lost");
  failed_ = failed_ || !written.ok();
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
