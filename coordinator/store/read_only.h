// What the readers of a database share: opening it without writing, reading in one transaction, and finding a trial by
// the start of its id.
#pragma once
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "coordinator/store/database.h"
#include "core/base/status.h"

namespace autonorm::store {

// `path`: a database file, or a state directory with autonorm.db. kNotFound names the path and what was looked for;
// kConflict: a database of another release or program.
Result<std::unique_ptr<Connection>> open_read_only(const std::filesystem::path& path);

// The row of the trial whose id starts with `prefix`, of at least 4 digits; kInvalid when several do. Throws
// SQLite::Exception.
Result<int64_t> find_trial(Connection& connection, const std::string& prefix);

// Runs `read(connection)`, a Result<Value>, in one transaction. SQLite's failures and damaged rows become a Status
// here.
template <class Value, class Read>
Result<Value> read_snapshot(Connection& connection, Read&& read) {
  try {
    SQLite::Transaction snapshot(connection.database());
    return read(connection);
  } catch (const SQLite::Exception& error) {
    return database_error(error, connection.file());
  } catch (const nlohmann::json::exception& error) {
    return internal(connection.file().string(), " holds a row that cannot be read: ", error.what());
  }
}

}  // namespace autonorm::store
