#include "core/data/digits.h"

#include <charconv>

#include "core/base/sha256.h"
#include "core/data/compressed_file.h"

namespace autonorm::data {
namespace {

constexpr size_t kPixels = kDigitsSide * kDigitsSide;

// One line into 64 pixels and a label; "" or what was expected and found.
std::string parse_line(std::string_view line, RawImages& out) {
  size_t column = 0;
  const char* at = line.data();
  const char* const end = line.data() + line.size();
  while (column <= kPixels) {
    int value = -1;
    const auto [next, error] = std::from_chars(at, end, value);
    const int largest = column < kPixels ? kDigitsWhite : 9;
    if (error != std::errc() || value < 0 || value > largest) {
      const std::string_view field(at, static_cast<size_t>(end - at));
      return cat("column ", column + 1, ": expected a whole number from 0 to ", largest, ", found '",
                 field.substr(0, std::min<size_t>(field.find(','), 20)), "'");
    }
    (column < kPixels ? out.pixels : out.labels).push_back(static_cast<uint8_t>(value));
    at = next;
    if (++column > kPixels) break;
    if (at == end || *at != ',') return cat("expected 65 columns (64 grey values, 1 label), found ", column);
    ++at;
  }
  if (at != end) return "expected 65 columns (64 grey values, 1 label), found more";
  return {};
}

}  // namespace

Result<RawImages> read_digits(const std::filesystem::path& path) {
  const auto text = read_possibly_compressed(path);
  if (!text.ok()) return text.status();
  RawImages raw;
  raw.height = raw.width = kDigitsSide;
  size_t number = 0;
  for (size_t offset = 0; offset < text->size();) {
    const size_t end = std::min(text->find('\n', offset), text->size());
    std::string_view line(text->data() + offset, end - offset);
    if (line.ends_with('\r')) line.remove_suffix(1);
    ++number;
    if (const std::string problem = parse_line(line, raw); !problem.empty()) {
      return invalid(path.string(), ": line ", number, ", byte ", offset, ": ", problem);
    }
    offset = end + 1;
  }
  if (raw.count() == 0) return invalid(path.string(), ": byte 0: expected lines of 65 numbers, found an empty file");
  raw.images_digest = raw.labels_digest = sha256(*text);
  return raw;
}

}  // namespace autonorm::data
