#include "coordinator/report/table.h"

#include <algorithm>

namespace autonorm::report {
namespace {

// Code points: all bytes but UTF-8 continuation bytes.
size_t width(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](unsigned char c) { return (c & 0xC0) != 0x80; }));
}

std::string coloured(const TableCell& cell, bool colour) {
  if (!colour) return cell.text;
  switch (cell.emphasis) {
    case Emphasis::kNone:
      return cell.text;
    case Emphasis::kStrong:
      return "\x1b[1m" + cell.text + "\x1b[0m";
    case Emphasis::kAlarm:
      return "\x1b[31m" + cell.text + "\x1b[0m";
    case Emphasis::kFaint:
      return "\x1b[2m" + cell.text + "\x1b[0m";
  }
  return cell.text;
}

std::string aligned_line(const std::vector<TableCell>& cells, const Table& table, const std::vector<size_t>& widths,
                         bool colour) {
  std::string line;
  size_t pending = 0;  // blanks that are written only when something follows
  for (size_t i = 0; i < cells.size(); ++i) {
    const size_t padding = widths[i] - width(cells[i].text);
    if (i > 0) pending += 2;
    if (table.align[i] == Align::kRight) pending += padding;
    if (!cells[i].text.empty()) {
      line += std::string(pending, ' ') + coloured(cells[i], colour);
      pending = 0;
    }
    if (table.align[i] == Align::kLeft) pending += padding;
    // An empty right-aligned cell has only its padding, already pending.
  }
  return line + "\n";
}

}  // namespace

std::string one_line(const std::string& text) {
  std::string out = text;
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return out;
}

std::string markdown_escaped(const std::string& text) {
  std::string out;
  for (const char c : one_line(text)) {
    if (c == '|' || c == '\\' || c == '*' || c == '_' || c == '`' || c == '<' || c == '[') out += '\\';
    out += c;
  }
  return out;
}

std::string aligned_text(const Table& table, bool colour) {
  std::vector<size_t> widths;
  for (const std::string& name : table.header) widths.push_back(width(name));
  for (const auto& row : table.rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
  }
  std::vector<TableCell> header;
  for (const std::string& name : table.header) header.push_back({name, Emphasis::kStrong});
  std::string text = aligned_line(header, table, widths, colour);
  for (const auto& row : table.rows) text += aligned_line(row, table, widths, colour);
  return text;
}

std::string markdown_text(const Table& table) {
  std::string text = "|";
  for (const std::string& name : table.header) text += " " + markdown_escaped(name) + " |";
  text += "\n|";
  for (const Align align : table.align) text += align == Align::kRight ? " ---: |" : " --- |";
  text += "\n";
  for (const auto& row : table.rows) {
    text += "|";
    for (const TableCell& cell : row) text += " " + markdown_escaped(cell.text) + " |";
    text += "\n";
  }
  return text;
}

}  // namespace autonorm::report
