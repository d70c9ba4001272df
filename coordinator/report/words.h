// The words for a report's choices, on the command line and on the wire.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "coordinator/report/report_data.h"

namespace autonorm::report {

template <class Value>
using Word = std::pair<std::string_view, Value>;

inline constexpr auto kFormatWords = std::to_array<Word<Format>>({{"text", Format::kText},
                                                                  {"csv", Format::kCsv},
                                                                  {"json", Format::kJson},
                                                                  {"markdown", Format::kMarkdown},
                                                                  {"latex", Format::kLatex},
                                                                  {"html", Format::kHtml}});
inline constexpr auto kIntervalWords = std::to_array<Word<IntervalMethod>>(
    {{"t", IntervalMethod::kStudent}, {"bca", IntervalMethod::kBca}, {"permutation", IntervalMethod::kPermutation}});
inline constexpr auto kTestWords =
    std::to_array<Word<TestMethod>>({{"t", TestMethod::kStudent}, {"signflip", TestMethod::kSignFlip}});

// In sentences.
constexpr std::string_view interval_name(IntervalMethod method) {
  switch (method) {
    case IntervalMethod::kStudent:
      return "paired Student t";
    case IntervalMethod::kBca:
      return "BCa bootstrap";
    case IntervalMethod::kPermutation:
      return "inverted sign-flip test";
  }
  return "";
}

template <class Value, size_t N>
std::optional<Value> parse_word(const std::array<Word<Value>, N>& words, std::string_view text) {
  for (const auto& [word, value] : words) {
    if (word == text) return value;
  }
  return std::nullopt;
}
template <class Value, size_t N>
std::string_view word_of(const std::array<Word<Value>, N>& words, Value wanted) {
  for (const auto& [word, value] : words) {
    if (value == wanted) return word;
  }
  return "";
}
// "text, csv, json"
template <class Value, size_t N>
std::string listed_words(const std::array<Word<Value>, N>& words) {
  std::string text;
  for (const auto& [word, value] : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace autonorm::report
