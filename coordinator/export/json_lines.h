// One trial as one line of JSON (https://jsonlines.org).
#pragma once
#include <string>

#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"

namespace autonorm::exporting {

// Ends in a newline. Points are [step, value, attempt]; a value that is no number is null; times are seconds of the
// Unix epoch. README.md lists the keys.
std::string json_line(const report::SweepRow& sweep, const report::TrialRow& row, const report::TrialHistory& history);

}  // namespace autonorm::exporting
