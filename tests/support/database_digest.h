// What a database says, as one hash: equal for equal rows, whatever the file looks like.
#pragma once
#include <filesystem>
#include <string>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::testing {

// All rows of all tables, but for the number of starts. Through a read-only connection of its own, closed again.
Result<Sha256> database_digest(const std::filesystem::path& file);
// SQLite's integrity_check, opening the file as a coordinator would (its log is replayed). Ok, or what is wrong.
Status database_integrity(const std::filesystem::path& file);

}  // namespace autonorm::testing
