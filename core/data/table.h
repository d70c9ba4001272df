// A table of numbers as text (CSV): one sample a line, values separated by commas. The first line names the columns
// when none of its cells is a number. Blanks around a cell, quotes around a name, lines without content, CRLF and a
// byte-order mark do not count.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::data {

struct Table {
  std::vector<std::string> names;  // of the columns; empty without a line of names
  int64_t columns = 0;
  std::vector<double> values;  // [rows, columns], all finite
  std::vector<int64_t> lines;  // [rows] of the file, from 1
  Sha256 digest;               // of the unpacked file

  int64_t rows() const { return static_cast<int64_t>(lines.size()); }
  double at(int64_t row, int64_t column) const { return values[static_cast<size_t>(row * columns + column)]; }
  // "column 3 ('age')", from 1
  std::string column_text(int64_t column) const;
};

// Plain or gzip-compressed. kInvalid names file, line and column of the first cell that is empty, no number or not
// finite, of a line with more or fewer cells than the first, and a file without samples or with one column.
Result<Table> read_table(const std::filesystem::path& path);

// The column called `name`, or of that number from 1; the last one for "". kInvalid lists the names.
Result<int64_t> find_column(const Table& table, const std::string& name);

}  // namespace autonorm::data
