#include "coordinator/store/read_only.h"

#include <vector>

#include "coordinator/store/migrations.h"
#include "coordinator/store/rows.h"

namespace autonorm::store {
namespace {

std::filesystem::path database_file(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? path / "autonorm.db" : path;
}

// Without its -wal and -shm files and without leave to create them, a copy can only be read as immutable.
std::unique_ptr<Connection> connect(const std::filesystem::path& file) {
  auto connection = std::make_unique<Connection>(file, Connection::Mode::kReadOnly);
  try {
    connection->database().execAndGet("SELECT count(*) FROM sqlite_master");
    return connection;
  } catch (const SQLite::Exception&) {
    connection = std::make_unique<Connection>("file:" + std::filesystem::absolute(file).string() + "?immutable=1",
                                              Connection::Mode::kReadOnly);
    connection->database().execAndGet("SELECT count(*) FROM sqlite_master");
    return connection;
  }
}

}  // namespace

Result<std::unique_ptr<Connection>> open_read_only(const std::filesystem::path& path) {
  const std::filesystem::path file = database_file(path);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return not_found("there is no database ", file.string(),
                     "; name a state directory with --state, or a database with --db");
  }
  try {
    auto connection = connect(file);
    SQLite::Database& database = connection->database();
    const int version = database.execAndGet("PRAGMA user_version").getInt();
    if (database.execAndGet("PRAGMA application_id").getInt() != kApplicationId) {
      return conflict(file.string(), " is not a database of this program");
    }
    if (const int known = migrations().back().version; version != known) {
      return conflict(file.string(), " has schema version ", version, ", this release reads version ", known,
                      version < known ? "; start `coordinator serve` on it once, which brings it up to date"
                                      : "; use the newer release");
    }
    return connection;
  } catch (const SQLite::Exception& e) {
    return database_error(e, file);
  }
}

Result<int64_t> find_trial(Connection& connection, const std::string& prefix) {
  if (prefix.size() < 4)
    return invalid("'", prefix, "' is too short for the start of a trial's id; give at least 4 digits");
  std::vector<int64_t> rows;
  SQLite::Statement& query = connection.statement(
      "SELECT id FROM trial WHERE substr(hash, 1, 20) BETWEEN substr(?1, 1, 20) AND substr(?2, 1, 20) AND hash >= ?1 "
      "AND hash < ?2 LIMIT 2");
  for_each_row(Binder{query}(prefix, prefix + "g"), [&](Row& row) { rows.push_back(row.integer()); });
  if (rows.empty()) return not_found("no trial id starts with '", prefix, "'");
  if (rows.size() > 1) return invalid("several trial ids start with '", prefix, "'; give more digits");
  return rows.front();
}

}  // namespace autonorm::store
