#include "core/messages/failure_pattern.h"

#include <algorithm>
#include <cctype>

namespace autonorm {
namespace {

constexpr size_t kShortestId = 6;

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

bool is_id(std::string_view word) {
  return word.size() >= kShortestId && std::ranges::all_of(word, is_hex) && std::ranges::any_of(word, is_digit);
}

// Digits at the end of a word go too: w0 and w12 are both workers.
std::string without_numbers(std::string_view word) {
  if (is_id(word)) return "#";
  const auto last = std::ranges::find_if_not(word.rbegin(), word.rend(), is_digit);
  const auto kept = static_cast<size_t>(word.rend() - last);
  return std::string(word.substr(0, kept)) + (kept < word.size() ? "#" : "");
}

}  // namespace

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

std::string failure_pattern(std::string_view text) {
  const std::string_view line = first_line(text);
  std::string pattern;
  for (size_t i = 0; i < line.size();) {
    if (!is_word(line[i])) {
      pattern += line[i++];
      continue;
    }
    const auto* end = std::find_if_not(line.begin() + i, line.end(), is_word);
    const auto length = static_cast<size_t>(end - (line.begin() + i));
    pattern += without_numbers(line.substr(i, length));
    i += length;
  }
  return pattern;
}

}  // namespace autonorm
