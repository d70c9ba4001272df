#include "core/base/bounded_log.h"

#include <cstdio>
#include <ctime>
#include <iostream>
#include <utility>

#include "core/base/log_level.h"

namespace autonorm {
namespace {

std::string time_stamp(WallTime time) {
  const int64_t us = to_us(time);
  const std::time_t seconds = us / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char day[32], text[48];
  std::strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text, sizeof text, "%s.%03dZ", day, static_cast<int>(us / 1'000 % 1'000));
  return text;
}

}  // namespace

void BoundedLog::open(const std::filesystem::path& file) {
  const std::lock_guard lock(mutex_);
  file_.emplace(file, max_bytes_, older_files_);
}

void BoundedLog::write(LogLevel level, const std::string& text) {
  if (level == LogLevel::kDebug) return;
  const std::lock_guard lock(mutex_);
  if (!file_) return;
  const Status written = file_->write(cat(time_stamp(clock_.now().wall), " ", level_word(level), " ", text, "\n"));
  if (!written.ok() && !std::exchange(complained_, true))
    std::cerr << written.message() << "; log lines are lost until it can be written\n";
  if (written.ok()) complained_ = false;
}

}  // namespace autonorm
