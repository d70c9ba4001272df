// Results that were known and then replaced: `submit --fresh` trains a trial again for every sweep that has it.
#pragma once
#include <cstdint>
#include <unordered_map>

#include "coordinator/store/database.h"

namespace autonorm::store {

// Of the trials of `sweep` (stages apart) that had a result when another sweep was submitted with --fresh: trial → the
// first such sweep. O(claims) for each fresh sweep. Throws SQLite::Exception.
std::unordered_map<int64_t, int64_t> replaced_results(Connection& connection, int64_t sweep);

}  // namespace autonorm::store
