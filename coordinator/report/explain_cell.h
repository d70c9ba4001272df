// Where the numbers of one row of a report come from.
#pragma once
#include <string>

#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::report {

// `which`: "variant/cell", the cell by its name or by a value that only it has ("RMSNorm/fashion-mnist"); the cell may
// be left out when there is one. As text: each seed's trial and its baseline's, with attempts, results and what is left
// out and why; then configuration, builds and other facts. kInvalid lists what there is.
Result<std::string> explain_cell(const ReportData& data, const std::string& which);

}  // namespace autonorm::report
