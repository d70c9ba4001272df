// Histories as plain tables, one row per point.
#pragma once
#include "coordinator/report/history.h"
#include "coordinator/report/report_data.h"
#include "coordinator/report/tidy.h"

namespace autonorm::exporting {

// Columns of both begin with variant, one per label, seed, trial.
report::TidyTable curve_table(const report::TrialRow& row, const report::TrialHistory& history,
                              const std::vector<std::string>& label_keys);  // … metric, step, value, attempt
report::TidyTable norm_table(const report::TrialRow& row, const report::TrialHistory& history,
                             const std::vector<std::string>& label_keys);  // … site, name, step, value, attempt
report::TidyTable attempt_table(const report::TrialRow& row, const report::TrialHistory& history,
                                const std::vector<std::string>& label_keys);  // … attempt, rank, worker, times, end

}  // namespace autonorm::exporting
