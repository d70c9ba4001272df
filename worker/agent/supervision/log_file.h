// An attempt's log.txt: what its trainer prints and logs. Bounded: at kMaxBytes it becomes log.1.txt, which replaces an
// older one. The last lines stay in memory for the report of a failure.
#pragma once
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/rotating_file.h"

namespace autonorm::agent {

// The last lines of a text that comes in pieces.
class LogTail {
 public:
  static constexpr size_t kLines = 50;
  static constexpr size_t kLineBytes = 500;  // longer ones are cut

  void add(std::string_view bytes);
  // The unfinished line included.
  std::vector<std::string> lines() const;

 private:
  std::deque<std::string> lines_;
  std::string partial_;
};

// Of the log.txt in an attempt's folder; empty when there is none that can be read.
std::vector<std::string> stored_log_tail(const std::filesystem::path& folder);

class LogFile {
 public:
  static constexpr int64_t kMaxBytes = int64_t{4} << 20;

  // Appends to an existing log. A log that cannot be written costs the log, not the trial: it is reported once.
  explicit LogFile(const std::filesystem::path& folder, int64_t max_bytes = kMaxBytes);

  void write(std::string_view bytes);
  std::vector<std::string> tail() const { return tail_.lines(); }

 private:
  RotatingFile file_;
  bool failed_ = false;
  LogTail tail_;
};

}  // namespace autonorm::agent
