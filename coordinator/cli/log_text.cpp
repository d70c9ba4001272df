#include "coordinator/cli/log_text.h"

#include <algorithm>
#include <vector>

#include "coordinator/cli/wording.h"
#include "core/base/signal_name.h"
#include "core/base/text.h"
#include "core/messages/memory_words.h"

namespace autonorm::cli {
namespace {

std::string how_it_left(const store::AttemptSummary& attempt) {
  if (attempt.signal != 0) return cat(" (", signal_name(attempt.signal), ")");
  if (attempt.exit_code != 0) return cat(" (status ", attempt.exit_code, ")");
  return "";
}

std::string memory_text(const fleet::MemoryAtDeath& memory) {
  const std::string words = memory_words(memory);
  return words.empty() ? "" : cat("memory at the end: ", words, "\n");
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

std::string end_text(const store::AttemptSummary& attempt, std::optional<int64_t> lines) {
  if (!attempt.ended) return cat("attempt ", attempt.number, " goes on\n");
  std::string text = cat("attempt ", attempt.number, " ended ", time_text(*attempt.ended), ": ",
                         attempt.end ? name(*attempt.end) : "unknown", how_it_left(attempt),
                         attempt.message.empty() ? "" : cat(": ", attempt.message), "\n", memory_text(attempt.memory));
  const auto there = static_cast<int64_t>(attempt.tail.size());
  const int64_t shown = std::min(there, lines.value_or(there));
  if (shown == 0) return text;
  text += shown == 1 ? "the last line of its output:\n" : cat("the last ", shown, " lines of its output:\n");
  for (int64_t i = there - shown; i < there; ++i) text += cat("  ", attempt.tail[static_cast<size_t>(i)], "\n");
  return text;
}

}  // namespace autonorm::cli
