#include "core/config/diagnostics.h"

#include <algorithm>
#include <cstdint>

#include "core/base/text.h"

namespace autonorm::config {
namespace {

constexpr size_t kLongestLine = 160;  // of a source line that is shown
constexpr size_t kLongestWord = 60;

bool starts_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }

std::string line_of(const std::string& text, int line) {
  size_t begin = 0;
  for (int i = 1; i < line; ++i) {
    begin = text.find('\n', begin);
    if (begin == std::string::npos) return "";
    ++begin;
  }
  std::string out = text.substr(begin, text.find('\n', begin) - begin);
  if (!out.empty() && out.back() == '\r') out.pop_back();
  return out;
}

// A line ending in a caret under `column` (in characters, from 1). Tabs stay tabs, so that it stands right in any
// editor.
std::string caret_line(const std::string& line, int column) {
  std::string pad;
  int seen = 1;
  for (size_t i = 0; i < line.size() && seen < column; ++i) {
    if (i > 0 && !starts_character(line[i])) continue;
    pad += line[i] == '\t' ? '\t' : ' ';
    ++seen;
  }
  return pad + "^";
}

// No escape sequence of a file reaches a terminal.
std::string printable(const std::string& line) {
  std::string out;
  for (const char c : line) out += (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F ? '?' : c;
  return out;
}

}  // namespace

int Diagnostics::add_file(std::string name, std::string text) {
  files_.push_back({std::move(name), std::move(text)});
  return static_cast<int>(files_.size()) - 1;
}

void Diagnostics::error(Place place, const std::string& text) { errors_.insert({place, printable(text)}); }

void Diagnostics::warning(Place place, const std::string& text) {
  const Problem problem{place, printable(text)};
  if (std::ranges::find(warnings_, problem) == warnings_.end()) warnings_.push_back(problem);
}

void Diagnostics::absorb(const Diagnostics& other) { errors_.insert(other.errors_.begin(), other.errors_.end()); }

std::string Diagnostics::render(const Problem& problem, const char* severity) const {
  const Place& at = problem.place;
  if (at.file < 0 || at.file >= static_cast<int>(files_.size())) return problem.text;
  const SourceFile& file = files_[static_cast<size_t>(at.file)];
  if (at.line <= 0) return cat(file.name, ": ", severity, ": ", problem.text);
  std::string out = cat(file.name, ":", at.line, ":", at.column, ": ", severity, ": ", problem.text);
  const std::string line = line_of(file.text, at.line);
  if (line.size() > kLongestLine) return out;
  return out + "\n  " + printable(line) + "\n  " + caret_line(line, at.column);
}

std::string Diagnostics::error_text() const {
  std::vector<std::string> texts;
  for (const Problem& problem : errors_) texts.push_back(render(problem, "error"));
  return join(texts, "\n");
}

std::vector<std::string> Diagnostics::warning_texts() const {
  std::vector<std::string> texts;
  for (const Problem& problem : warnings_) texts.push_back(render(problem, "warning"));
  return texts;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  if (word.size() > kLongestWord) return "";  // edit distance is quadratic
  const std::string near = nearest(word, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}

std::string quoted(const std::string& word) {
  std::string out = "'";
  size_t shown = 0;
  for (const char c : word) {
    if (shown >= kLongestWord && starts_character(c)) return out + "…'";
    out += static_cast<unsigned char>(c) < 0x20 ? '?' : c;
    ++shown;
  }
  return out + "'";
}

}  // namespace autonorm::config
