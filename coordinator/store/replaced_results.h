// Results that were known and then replaced: `submit --fresh` trains a trial again for every sweep that has it.
#pragma once
#include <cstdint>

#include "coordinator/report/report_data.h"
#include "coordinator/store/database.h"

namespace autonorm::store {

// Of the trials of `sweep` (stages apart). O(claims) for each sweep that was submitted with --fresh. Throws
// SQLite::Exception.
report::TrainedAgain replaced_results(Connection& connection, int64_t sweep);

}  // namespace autonorm::store
