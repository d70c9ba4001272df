#include "coordinator/store/database.h"

#include <sqlite3.h>

#include "core/base/text.h"

namespace autonorm::store {
namespace {

constexpr int kBusyTimeoutMs = 2'000;  // readers never hold the writer up in WAL mode; a checkpoint by hand may

int open_flags(Connection::Mode mode) {
  // A connection belongs to one thread at a time: a lock around each call would cost a tenth of a submission.
  return SQLite::OPEN_NOMUTEX | (mode == Connection::Mode::kReadOnly ? SQLite::OPEN_READONLY | SQLite::OPEN_URI
                                                                     : SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
}

// SQLite reports a full disk as an I/O error where it maps its shared-memory file.
bool no_space_left(const std::filesystem::path& folder) {
  constexpr uintmax_t kSmallestUseful = 64 * 1024;  // bytes
  std::error_code error;
  const auto space = std::filesystem::space(folder, error);
  return !error && space.available < kSmallestUseful;
}

Status disk_full(const std::string& folder) { return exhausted("database: disk full; free space on ", folder); }

// ", or its copy FILE from before a migration" where there is one: the newest.
std::string migration_copy(const std::filesystem::path& file) {
  constexpr int kMostVersions = 1'000;
  for (int version = kMostVersions; version > 0; --version) {
    const std::string copy = cat(file.string(), ".before-version-", version);
    std::error_code error;
    if (std::filesystem::exists(copy, error)) return cat(", or the one from before a migration, ", copy);
  }
  return "";
}

}  // namespace

Status database_error(const SQLite::Exception& error, const std::filesystem::path& file) {
  const std::string folder = std::filesystem::absolute(file).parent_path().string();
  switch (error.getErrorCode() & 0xff) {
    case SQLITE_FULL:
      return disk_full(folder);
    case SQLITE_IOERR:
      if (no_space_left(folder)) return disk_full(folder);
      return unavailable("database: I/O error in ", folder, " (", error.what(), "); check the disk");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return unavailable("database: ", file.string(), " is busy; close the program that holds it locked");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return invalid("cannot open ", file.string(), " for writing (", error.what(),
                     "); make the folder writable, or choose another with --state");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return internal(file.string(), " is damaged (", error.what(),
                      "); put a copy in its place that `coordinator backup` has made", migration_copy(file),
                      ", or start with another --state folder");
    default:
      return internal("database ", file.string(), ": ", error.what());
  }
}

Connection::Connection(const std::filesystem::path& file, Mode mode)
    : file_(file), database_(file.string(), open_flags(mode), kBusyTimeoutMs) {
  if (mode == Mode::kReadOnly) return;
  database_.exec("PRAGMA journal_mode = WAL");
  database_.exec("PRAGMA synchronous = FULL");
  database_.exec(cat("PRAGMA journal_size_limit = ", kWalBytes));
  checkpoint_from(kCheckpointPages);
  database_.exec(cat("PRAGMA cache_size = -", kCacheBytes >> 10));
  database_.exec("PRAGMA foreign_keys = OFF");  // the engine hands out the keys; checks would cost a look-up per row
}

void Connection::checkpoint_from(int pages) { sqlite3_wal_autocheckpoint(database_.getHandle(), pages); }

SQLite::Statement& Connection::statement(std::string_view sql) {
  auto known = statements_.find(sql);
  if (known == statements_.end()) {
    auto fresh = std::make_unique<SQLite::Statement>(database_, std::string(sql));
    known = statements_.emplace(sql, std::move(fresh)).first;
  }
  SQLite::Statement& statement = *known->second;
  statement.tryReset();  // an earlier failure must not surface here
  statement.clearBindings();
  return statement;
}

}  // namespace autonorm::store
