// Small text helpers that need no formatting library: units that include LibTorch must not include fmt or spdlog.
#pragma once
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace autonorm {

// Concatenates everything that an ostream can print.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// "a, b, c"
std::string join(std::span<const std::string> items, std::string_view separator = ", ");

// The candidate with the smallest edit distance to `word`, or "" when none is near enough to be a likely typing error
// (distance at most a third of the word's length, at least 1).
std::string nearest(std::string_view word, std::span<const std::string> candidates);

// Levenshtein distance with adjacent transpositions counted as one edit. O(|a|·|b|).
size_t edit_distance(std::string_view a, std::string_view b);

// Lower-case hex of raw bytes.
std::string to_hex(std::span<const unsigned char> bytes);

}  // namespace autonorm
