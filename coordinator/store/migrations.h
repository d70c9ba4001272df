// The schema, as numbered steps from an empty file. A released step never changes; a change of the schema is a new
// step.
#pragma once
#include <span>
#include <string_view>

#include "core/base/status.h"

namespace SQLite {
class Database;
}

namespace autonorm::store {

struct Migration {
  int version;  // of the schema after this step: 1, 2, …
  std::string_view sql;
};
std::span<const Migration> migrations();

// Brings `database` to the newest version, each step in one transaction. Before each step on a database that has data,
// a copy is written beside it: FILE.before-version-N. kConflict: the database is newer than these steps, or not ours.
// Throws SQLite::Exception.
Status migrate(SQLite::Database& database, std::span<const Migration> steps);

}  // namespace autonorm::store
