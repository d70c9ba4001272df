// Collects everything wrong with a configuration, so that one run reports it all. Not thread-safe.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "core/config/value.h"

namespace autonorm::config {

// A file that places refer to.
struct SourceFile {
  std::string name;  // as messages show it
  std::string text;
};

class Diagnostics {
 public:
  // Returns the index that Place::file uses.
  int add_file(std::string name, std::string text);

  // `text` says what is wrong (with the key path), what is allowed, and the remedy, separated by "; ". The same error
  // at the same place is kept once: many cells of a sweep share a line.
  void error(Place place, const std::string& text);
  void warning(Place place, const std::string& text);

  // Takes over the errors of another collection about the same files.
  void absorb(const Diagnostics& other);

  bool ok() const { return errors_.empty(); }
  // All errors in the order of files and lines, one per line; those with a place are followed by the source line and a
  // caret.
  std::string error_text() const;
  // One text per warning, in the order in which they were found.
  std::vector<std::string> warning_texts() const;

 private:
  struct Problem {
    Place place;
    std::string text;
    auto operator<=>(const Problem&) const = default;
  };
  std::string render(const Problem& problem, const char* severity) const;

  std::vector<SourceFile> files_;
  std::set<Problem> errors_;
  std::vector<Problem> warnings_;
};

// "; did you mean 'x'?" or "".
std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates);
// "'word'", with control characters made visible and long words cut, so that a message stays one line.
std::string quoted(const std::string& word);

}  // namespace autonorm::config
