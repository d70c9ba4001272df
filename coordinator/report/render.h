// Rows in, text out.
#pragma once
#include <string>

#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::report {

// The whole report as text, ending in a newline. kInvalid when the selection names something that is not there, or
// selects nothing.
Result<std::string> render(ReportData data, const ReportOptions& options);

}  // namespace autonorm::report
