#include "coordinator/cli/log_text.h"

#include <vector>

#include "coordinator/cli/wording.h"
#include "core/base/text.h"

namespace autonorm::cli {
namespace {

std::string how_it_left(const store::AttemptSummary& attempt) {
  if (attempt.signal != 0) return cat(" (signal ", attempt.signal, ")");
  if (attempt.exit_code != 0) return cat(" (status ", attempt.exit_code, ")");
  return "";
}

std::string memory_text(const fleet::MemoryAtDeath& memory) {
  std::vector<std::string> parts;
  if (memory.resident_bytes > 0) parts.push_back("trainer " + bytes_text(memory.resident_bytes));
  if (memory.limit_bytes > 0) parts.push_back("limit of its control group " + bytes_text(memory.limit_bytes));
  if (memory.oom_kills > 0) parts.push_back(count_text(memory.oom_kills, "out-of-memory kill"));
  return parts.empty() ? "" : cat("memory at the end: ", join(parts), "\n");
}

}  // namespace

std::string attempt_text(const store::AttemptSummary& attempt) {
  return cat("trial ", short_form(attempt.trial), ", attempt ", attempt.number,
             attempt.ranks > 1 ? cat(", ", attempt.ranks, " ranks") : "", ", since ", time_text(attempt.assigned),
             "\n");
}

std::string line_text(const store::StoredLine& line, int64_t ranks) {
  return cat(time_text(line.time), " ", ranks > 1 ? cat("rank ", line.rank, " ") : "", line.level, ": ", line.text,
             "\n");
}

std::string end_text(const store::AttemptSummary& attempt) {
  if (!attempt.ended) return cat("attempt ", attempt.number, " goes on\n");
  std::string text = cat("attempt ", attempt.number, " ended ", time_text(*attempt.ended), ": ",
                         attempt.end ? name(*attempt.end) : "unknown", how_it_left(attempt),
                         attempt.message.empty() ? "" : cat(": ", attempt.message), "\n", memory_text(attempt.memory));
  if (attempt.tail.empty()) return text;
  text += "last lines of its output:\n";
  for (const auto& line : attempt.tail) text += cat("  ", line, "\n");
  return text;
}

}  // namespace autonorm::cli
