#include "tests/support/database_digest.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <vector>

#include "core/base/sha256.h"

namespace autonorm::testing {
namespace {

void add_row(Sha256Stream& hash, SQLite::Statement& row) {
  for (int i = 0; i < row.getColumnCount(); ++i) {
    const SQLite::Column column = row.getColumn(i);
    const std::string text = cat(column.getType(), ":", column.size(), ":", column.getString());
    hash.update(text.data(), text.size());
  }
}

std::vector<std::string> tables_of(SQLite::Database& database) {
  SQLite::Statement query(database, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name");
  std::vector<std::string> names;
  while (query.executeStep()) names.push_back(query.getColumn(0).getString());
  return names;
}

}  // namespace

Result<Sha256> database_digest(const std::filesystem::path& file) {
  try {
    SQLite::Database database(file.string(), SQLite::OPEN_READONLY);
    SQLite::Transaction transaction(database);
    Sha256Stream hash;
    for (const std::string& table : tables_of(database)) {
      hash.update(table.data(), table.size());
      const std::string where = table == "meta" ? " WHERE key <> 'epoch'" : "";
      SQLite::Statement rows(database, "SELECT * FROM \"" + table + "\"" + where);
      while (rows.executeStep()) add_row(hash, rows);
    }
    return hash.finish();
  } catch (const SQLite::Exception& error) {
    return internal(file.string(), ": ", error.what());
  }
}

Status database_integrity(const std::filesystem::path& file) {
  try {
    SQLite::Database database(file.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    const std::string answer = database.execAndGet("PRAGMA integrity_check").getString();
    return answer == "ok" ? Status() : internal(file.string(), ": ", answer);
  } catch (const SQLite::Exception& error) {
    return internal(file.string(), ": ", error.what());
  }
}

}  // namespace autonorm::testing
