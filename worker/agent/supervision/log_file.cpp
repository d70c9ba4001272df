#include "worker/agent/supervision/log_file.h"

#include "core/base/durable_file.h"
#include "core/base/log.h"

namespace autonorm::agent {
namespace {

constexpr const char* kLogName = "log.txt";

}  // namespace

LogFile::LogFile(const std::filesystem::path& folder, int64_t max_bytes)
    : file_(folder / kLogName, max_bytes, /*older_files=*/1) {}

void LogFile::write(std::string_view bytes) {
  tail_.add(bytes);
  const Status written = file_.write(bytes);
  if (!written.ok() && !failed_) log_warning(written.message(), "; the trainer's output is lost");
  failed_ = failed_ || !written.ok();
}

void LogTail::add(std::string_view bytes) {
  for (const char c : bytes) {
    if (c != '\n') {
      if (partial_.size() < kLineBytes) partial_ += c;
      continue;
    }
    lines_.push_back(std::move(partial_));
    partial_.clear();
    if (lines_.size() > kLines) lines_.pop_front();
  }
}

std::vector<std::string> LogTail::lines() const {
  std::vector<std::string> tail(lines_.begin(), lines_.end());
  if (!partial_.empty()) tail.push_back(partial_);
  if (tail.size() > kLines) tail.erase(tail.begin());
  return tail;
}

std::vector<std::string> stored_log_tail(const std::filesystem::path& folder) {
  const auto text = read_file(folder / kLogName);
  LogTail tail;
  if (text.ok()) tail.add(*text);
  return tail.lines();
}

}  // namespace autonorm::agent
