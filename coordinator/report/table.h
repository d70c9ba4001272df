// A table for people: as aligned text or as Markdown.
#pragma once
#include <string>
#include <vector>

namespace autonorm::report {

enum class Align { kLeft, kRight };
enum class Emphasis { kNone, kStrong, kAlarm, kFaint };  // text in colour only

struct TableCell {
  std::string text;
  Emphasis emphasis = Emphasis::kNone;
};
struct Table {
  std::vector<std::string> header;
  std::vector<Align> align;                  // one per column
  std::vector<std::vector<TableCell>> rows;  // each as long as the header
};

// Columns two spaces apart, no trailing blanks; widths count UTF-8 code points. `colour` adds ANSI escapes, which take
// no width.
std::string aligned_text(const Table& table, bool colour);
// GitHub's pipe table; pipes and line breaks in cells are escaped.
std::string markdown_text(const Table& table);

// `text` without control characters (line breaks become blanks): for names inside one line.
std::string one_line(const std::string& text);
std::string markdown_escaped(const std::string& text);

}  // namespace autonorm::report
