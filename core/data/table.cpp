#include "core/data/table.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/base/sha256.h"
#include "core/base/text.h"
#include "core/data/compressed_file.h"

namespace autonorm::data {
namespace {

constexpr size_t kShownCell = 20;

std::string_view trimmed(std::string_view cell) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!cell.empty() && blank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && blank(cell.back())) cell.remove_suffix(1);
  return cell;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (size_t from = 0;;) {
    const size_t comma = line.find(',', from);
    cells.push_back(trimmed(line.substr(from, comma == line.npos ? line.npos : comma - from)));
    if (comma == line.npos) return cells;
    from = comma + 1;
  }
}

std::optional<double> number_of(std::string_view cell) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
  return value;
}

std::string unquoted(std::string_view name) {
  if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
  return std::string(name);
}

// Reads line by line into a table.
class TableReader {
 public:
  TableReader(const std::filesystem::path& path, std::string_view text) : path_(path), text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) text_.remove_prefix(3);
  }

  Result<Table> run() {
    for (size_t from = 0; from < text_.size();) {
      const size_t end = std::min(text_.find('\n', from), text_.size());
      std::string_view line = text_.substr(from, end - from);
      if (line.ends_with('\r')) line.remove_suffix(1);
      from = end + 1;
      ++number_;
      if (trimmed(line).empty()) continue;
      AUTONORM_RETURN_IF_ERROR(add(cells_of(line)));
    }
    if (table_.rows() == 0) return invalid(path_.string(), ": expected lines of numbers, found no sample");
    if (table_.columns < 2) {
      return invalid(path_.string(), ": line ", table_.lines[0],
                     ": expected at least two columns separated by commas, values and a target; found one");
    }
    return std::move(table_);
  }

 private:
  Status add(const std::vector<std::string_view>& cells) {
    const auto count = static_cast<int64_t>(cells.size());
    if (table_.columns == 0) {
      table_.columns = count;
      if (std::ranges::none_of(cells, [](std::string_view cell) { return number_of(cell) || cell.empty(); })) {
        for (const std::string_view cell : cells) table_.names.push_back(unquoted(cell));
        return {};
      }
    }
    if (count != table_.columns) {
      return invalid(path_.string(), ": line ", number_, ": expected ", table_.columns,
                     " columns as in the first line, found ", count);
    }
    for (int64_t column = 0; column < count; ++column) {
      const std::string_view cell = cells[static_cast<size_t>(column)];
      const auto value = number_of(cell);
      if (!value || !std::isfinite(*value)) return bad_cell(column, cell);
      table_.values.push_back(*value);
    }
    table_.lines.push_back(number_);
    return {};
  }

  Status bad_cell(int64_t column, std::string_view cell) const {
    const std::string where = cat(path_.string(), ": line ", number_, ", ", table_.column_text(column));
    if (cell.empty()) return invalid(where, ": expected a number, found an empty cell; fill it or drop the line");
    return invalid(where, ": expected a finite number, found '", cell.substr(0, kShownCell),
                   cell.size() > kShownCell ? "…" : "", "'; write categories as numbers");
  }

  const std::filesystem::path& path_;
  std::string_view text_;
  int64_t number_ = 0;
  Table table_;
};

}  // namespace

std::string Table::column_text(int64_t column) const {
  const std::string number = cat("column ", column + 1);
  return names.empty() ? number : cat(number, " ('", names[static_cast<size_t>(column)], "')");
}

Result<Table> read_table(const std::filesystem::path& path) {
  const auto text = read_possibly_compressed(path);
  if (!text.ok()) return text.status();
  auto table = TableReader(path, *text).run();
  if (table.ok()) table->digest = sha256(*text);
  return table;
}

Result<int64_t> find_column(const Table& table, const std::string& name) {
  if (name.empty()) return table.columns - 1;
  const auto named = std::ranges::find(table.names, name);
  if (named != table.names.end()) return named - table.names.begin();
  int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size() && number >= 1 && number <= table.columns) {
    return number - 1;
  }
  return invalid("data.target = '", name,
                 "' is no column; allowed: ", table.names.empty() ? "" : join(table.names) + ", or ",
                 "a number from 1 to ", table.columns);
}

}  // namespace autonorm::data
