// What the readers of a database share: opening it without writing, and finding a trial by the start of its id.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "core/base/status.h"

namespace autonorm::store {

class Connection;

// `path`: a database file, or a state directory with autonorm.db. kNotFound names the path and what was looked for;
// kConflict: a database of another release or program.
Result<std::unique_ptr<Connection>> open_read_only(const std::filesystem::path& path);

// The row of the trial whose id starts with `prefix`, of at least 4 digits; kInvalid when several do. Throws
// SQLite::Exception.
Result<int64_t> find_trial(Connection& connection, const std::string& prefix);

}  // namespace autonorm::store
