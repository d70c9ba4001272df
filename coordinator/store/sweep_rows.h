// A sweep's trials as rows of a report. The functions throw SQLite::Exception and nlohmann::json::exception.
#pragma once
#include <cstdint>
#include <vector>

#include "coordinator/report/report_data.h"
#include "coordinator/store/database.h"
#include "coordinator/store/report_reader.h"
#include "core/base/clock.h"

namespace autonorm::store {

// Of the sweep, by which positions are bounded.
int64_t cells_of(Connection& connection, int64_t sweep);
// Appends the rows of a range, all but `trained_again_by`, by position; returns the position to go on from, 0 = none.
int64_t read_rows(Connection& connection, int64_t sweep, const RowRange& range, WallTime submitted,
                  std::vector<report::TrialRow>& rows);
// All rows, by two threads. Both connections must see the same state of the database.
void read_halves(Connection& connection, Connection& second, int64_t sweep, int64_t cells, WallTime submitted,
                 std::vector<report::TrialRow>& rows);

}  // namespace autonorm::store
