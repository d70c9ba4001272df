#include "coordinator/server/failure_lines.h"

#include "core/base/signal_name.h"
#include "core/base/text.h"
#include "core/messages/memory_words.h"

namespace autonorm::server {

std::vector<std::string> failure_lines(const store::AttemptEnd& failure) {
  std::string how = cat("  attempt ", failure.attempt, " ended: ", failure.end);
  if (failure.signal != 0) how += cat(", ", signal_name(failure.signal));
  if (failure.exit_code != 0) how += cat(", exit code ", failure.exit_code);
  if (failure.step > 0) how += cat(", at step ", failure.step);
  std::vector<std::string> lines{std::move(how)};
  if (const std::string memory = memory_words(failure.memory); !memory.empty())
    lines.push_back("  memory at its end: " + memory);
  if (failure.log_tail.empty()) return lines;
  lines.push_back(
      cat("  the last ", failure.log_tail.size(), failure.log_tail.size() == 1 ? " line" : " lines", " of its log:"));
  for (const std::string& line : failure.log_tail) lines.push_back("    | " + line);
  return lines;
}

}  // namespace autonorm::server
