// The report as plain columns and rows for machines, the same for CSV and JSON. README.md documents the columns.
#pragma once
#include <cstdint>
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

// One row per variant × cell × metric.
TidyTable tidy_comparison(const ReportData& data, const Comparison& comparison);
// One row per trial and label, results and facts as columns.
TidyTable tidy_trials(const ReportData& data);

// RFC 4180: CRLF, a header line, fields with comma, quote or line break in quotes. Absent values are empty.
std::string csv_text(const TidyTable& table);
// The text of tidy_comparison().
std::string comparison_csv(const ReportData& data, const Comparison& comparison);

}  // namespace autonorm::report
