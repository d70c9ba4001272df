// The report as plain columns and rows for machines, the same for CSV and JSON. README.md documents the columns.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "coordinator/report/comparison.h"
#include "coordinator/report/report_data.h"

namespace autonorm::report {

using TidyValue = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string>;  // monostate: absent
struct TidyTable {
  std::vector<std::string> columns;
  std::vector<std::vector<TidyValue>> rows;  // each as long as `columns`
};

// One row per trial and label, results and facts as columns.
TidyTable tidy_trials(const ReportData& data);

// Appends the text of a row. Called by several threads at a time.
using AppendRow = std::function<void(std::string&, const std::vector<TidyValue>&)>;
// The texts of all rows, in order.
std::string table_texts(const TidyTable& table, const AppendRow& append);
// A row per variant × cell × metric: the columns, and the texts of all rows in order. There is no table of them, since
// it would be much larger than its text.
std::vector<std::string> comparison_columns(const ReportData& data, const Comparison& comparison);
std::string comparison_texts(const ReportData& data, const Comparison& comparison, const AppendRow& append);

// RFC 4180: CRLF, a header line, fields with comma, quote or line break in quotes. Absent values are empty.
std::string csv_text(const TidyTable& table);
std::string comparison_csv(const ReportData& data, const Comparison& comparison);

}  // namespace autonorm::report
