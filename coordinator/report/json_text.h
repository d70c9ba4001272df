// The report as JSON: what it is about, how it was judged, and the rows of tidy.h as objects. Ends in a newline.
#pragma once
#include <string>

#include "coordinator/report/comparison.h"
#include "coordinator/report/report_data.h"

namespace autonorm::report {

// A row per variant × cell × metric, under "rows".
std::string comparison_json(const ReportData& data, const Comparison& comparison);
// A row per trial and label, under "trials".
std::string trials_json(const ReportData& data, const Comparison& comparison);

}  // namespace autonorm::report
