// Rows of words as aligned columns.
#pragma once
#include <string>
#include <vector>

namespace autonorm::cli {

enum class Align { kLeft, kRight };
struct Column {
  std::string title;
  Align align = Align::kLeft;
};

// Two blanks between columns, no blanks at line ends; every row has as many cells as there are columns. Widths count
// UTF-8 characters, not bytes.
std::string text_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows);

size_t display_width(const std::string& text);

}  // namespace autonorm::cli
