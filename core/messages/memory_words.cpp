#include "core/messages/memory_words.h"

#include <array>
#include <cstdio>
#include <vector>

#include "core/base/text.h"

namespace autonorm {

std::string bytes_text(int64_t bytes) {
  constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB"};
  if (bytes < 1024) return cat(bytes, " B");
  auto size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %s", size, kUnits[unit]);
  return text;
}

std::string memory_words(const fleet::MemoryAtDeath& memory) {
  std::vector<std::string> parts;
  if (memory.resident_bytes > 0) parts.push_back("trainer " + bytes_text(memory.resident_bytes));
  if (memory.limit_bytes > 0) parts.push_back("limit of its control group " + bytes_text(memory.limit_bytes));
  if (memory.oom_kills > 0)
    parts.push_back(cat(memory.oom_kills, memory.oom_kills == 1 ? " out-of-memory kill" : " out-of-memory kills"));
  return join(parts);
}

}  // namespace autonorm
