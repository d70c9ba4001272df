// Whether a sweep extends an earlier one just as that had registered: more seeds, and nothing else.
#pragma once
#include <cstdint>

#include "coordinator/store/database.h"

namespace autonorm::store {

// There is an earlier sweep with the same baseline, metric, margin, alpha, variants and cells, whose every trial is one
// of this sweep's too (so no seed of it is dropped, no cell, and no configuration is another), whose registered maximum
// covers this sweep's seeds, and which was submitted before any trial of its variants had a result. Nor did anyone
// leave out seeds in between: every result of these configurations that came after it and was known when this sweep was
// submitted is of one of this sweep's seeds. A fresh one, which trains known seeds again, extends none. O(cells · log)
// where there is a candidate. Throws SQLite::Exception.
bool extends_earlier(Connection& connection, int64_t sweep);

}  // namespace autonorm::store
