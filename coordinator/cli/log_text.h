// Attempts and their log lines as text for people. Pure. Every text ends in a newline.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "coordinator/store/log_reader.h"

namespace autonorm::cli {

std::string attempt_text(const store::AttemptSummary& attempt);  // which one this is
// "2025-01-31T12:00:00Z rank 1 warning: text"; one rank is not named when it is alone.
std::string line_text(const store::StoredLine& line, int64_t ranks);
// How it ended: reason, signal or status, memory, the last lines of output, `lines` of them at most. For one that goes
// on: says so.
std::string end_text(const store::AttemptSummary& attempt, std::optional<int64_t> lines = {});

}  // namespace autonorm::cli
