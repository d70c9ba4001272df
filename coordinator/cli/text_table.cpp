#include "coordinator/cli/text_table.h"

#include <algorithm>

#include "core/base/status.h"

namespace autonorm::cli {

size_t display_width(const std::string& text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string text_table(const std::vector<Column>& columns, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& column : columns) widths.push_back(display_width(column.title));
  for (const auto& row : rows) {
    AUTONORM_CHECK(row.size() == columns.size(), "a row of ", row.size(), " cells in a table of ", columns.size());
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  std::string text;
  const auto add = [&](const auto& cell_of) {
    std::string line;
    for (size_t c = 0; c < columns.size(); ++c) {
      const std::string& cell = cell_of(c);
      const std::string blanks(widths[c] - display_width(cell), ' ');
      if (c > 0) line += "  ";
      line += columns[c].align == Align::kRight ? blanks + cell : cell + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  };
  add([&](size_t c) -> const std::string& { return columns[c].title; });
  for (const auto& row : rows) add([&](size_t c) -> const std::string& { return row[c]; });
  return text;
}

}  // namespace autonorm::cli
