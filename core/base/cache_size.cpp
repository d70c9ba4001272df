#include "core/base/cache_size.h"

#include <fstream>
#include <string>

namespace autonorm {

namespace {

// "32768K" → bytes; 0 for what is not a size.
int64_t bytes_of(const std::string& text) {
  size_t digits = 0;
  while (digits < text.size() && digits < 12 && text[digits] >= '0' && text[digits] <= '9') ++digits;
  if (digits == 0) return 0;
  const int64_t number = std::stoll(text.substr(0, digits));
  const std::string unit = text.substr(digits);
  return unit == "K"    ? number << 10
         : unit == "M"  ? number << 20
         : unit == "G"  ? number << 30
         : unit.empty() ? number
                        : 0;
}

}  // namespace

std::optional<int64_t> last_level_cache_bytes(const std::filesystem::path& caches) {
  int highest = 0;
  int64_t bytes = 0;
  for (int index = 0;; ++index) {
    const std::filesystem::path folder = caches / ("index" + std::to_string(index));
    std::ifstream level_file(folder / "level"), size_file(folder / "size");
    int level = 0;
    std::string size;
    if (!(level_file >> level)) break;
    if (level <= highest || !(size_file >> size) || bytes_of(size) == 0) continue;
    highest = level;
    bytes = bytes_of(size);
  }
  return bytes > 0 ? std::optional(bytes) : std::nullopt;
}

}  // namespace autonorm
