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

class LogFile {
 public:
  static constexpr int64_t kMaxBytes = int64_t{4} << 20;
  static constexpr size_t kTailLines = 50;
  static constexpr size_t kTailLineBytes = 500;  // longer lines are cut in the tail

  // Appends to an existing log. A log that cannot be written costs the log, not the trial: it is reported once.
  explicit LogFile(const std::filesystem::path& folder, int64_t max_bytes = kMaxBytes);

  void write(std::string_view bytes);
  // The last lines, the unfinished one included.
  std::vector<std::string> tail() const;

 private:
  void remember(std::string_view bytes);

  RotatingFile file_;
  bool failed_ = false;
  std::deque<std::string> lines_;
  std::string partial_;
};

}  // namespace autonorm::agent
