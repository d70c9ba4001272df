#include "coordinator/store/backup.h"

#include <SQLiteCpp/Backup.h>

#include "coordinator/store/database.h"
#include "core/base/durable_file.h"

namespace autonorm::store {
namespace {

namespace fs = std::filesystem;

constexpr int kAllPages = -1;  // in one step, under one read transaction: a busy writer cannot make it begin again

Status copy_pages(const fs::path& database, const fs::path& copy, const std::string& key) {
  try {
    Connection from(database, Connection::Mode::kReadOnly);
    SQLite::Database to(copy.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    SQLite::Backup(to, from.database()).executeStep(kAllPages);
    to.exec("PRAGMA journal_mode = DELETE");  // one file, readable without leave to create others beside it
    SQLite::Statement note(to, "INSERT OR REPLACE INTO meta VALUES ('backup_key', ?)");
    note.bind(1, key);
    note.exec();
    return {};
  } catch (const SQLite::Exception& error) {
    return database_error(error, copy).with_context(cat("backing up ", database.string()));
  }
}

// The coordinator may have died after making it and before anybody was told.
bool made_by_call(const fs::path& target, const std::string& key) {
  try {
    SQLite::Database copy(target.string(), SQLite::OPEN_READONLY);
    SQLite::Statement query(copy, "SELECT 1 FROM meta WHERE key = 'backup_key' AND value = ?");
    query.bind(1, key);
    return query.executeStep();
  } catch (const SQLite::Exception&) {
    return false;  // some other file
  }
}

Status publish(const fs::path& copy, const fs::path& target) {
  AUTONORM_RETURN_IF_ERROR(sync_path(copy));
  std::error_code error;
  fs::create_hard_link(copy, target, error);  // unlike a rename, never over a file that has appeared meanwhile
  if (error) return system_error(cat("placing the backup ", target.string()), error.value());
  return sync_path(target.parent_path());
}

}  // namespace

Result<int64_t> back_up(const fs::path& database, const fs::path& target, const std::string& key) {
  std::error_code error;
  if (!target.is_absolute()) return invalid("the backup's path ", target.string(), " is not absolute");
  const fs::path copy = target.string() + ".partial";
  if (fs::exists(target, error)) {
    if (!made_by_call(target, key))
      return invalid(target.string(), " exists already; choose another name for the backup");
    fs::remove(copy, error);
    return static_cast<int64_t>(fs::file_size(target, error));
  }
  if (!fs::is_directory(target.parent_path(), error)) {
    return not_found("there is no folder ", target.parent_path().string(), " on the coordinator's machine");
  }
  fs::remove(copy, error);
  Status status = copy_pages(database, copy, key);
  if (status.ok()) status = publish(copy, target);
  fs::remove(copy, error);
  if (!status.ok()) return status;
  return static_cast<int64_t>(fs::file_size(target, error));
}

}  // namespace autonorm::store
