// Narrows a sweep's rows to what was asked for, and checks that this exists. Pure.
#pragma once
#include "coordinator/report/report_data.h"
#include "core/base/status.h"

namespace autonorm::report {

// Applies `options.selection`; whatever differs from the sweep's own metric, baseline, margin, alpha and cells, or from
// Student's t, is listed in `departures`. kInvalid names what does not exist with the nearest that does, or says that
// nothing is left.
Result<ReportData> select(ReportData data, const ReportOptions& options);

}  // namespace autonorm::report
