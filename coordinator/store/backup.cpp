#include "coordinator/store/backup.h"

#include <SQLiteCpp/Backup.h>

#include "coordinator/store/database.h"
#include "core/base/durable_file.h"

namespace autonorm::store {
namespace {

namespace fs = std::filesystem;

constexpr int kAllPages = -1;  // in one step, under one read transaction: a busy writer cannot make it begin again

Status copy_pages(const fs::path& database, const fs::path& copy) {
  try {
    Connection from(database, Connection::Mode::kReadOnly);
    SQLite::Database to(copy.string(), SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE);
    SQLite::Backup(to, from.database()).executeStep(kAllPages);
    to.exec("PRAGMA journal_mode = DELETE");  // one file, readable without leave to create others beside it
    return {};
  } catch (const SQLite::Exception& error) {
    return database_error(error, copy).with_context(cat("backing up ", database.string()));
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

Result<int64_t> back_up(const fs::path& database, const fs::path& target) {
  std::error_code error;
  if (!target.is_absolute()) return invalid("the backup's path ", target.string(), " is not absolute");
  if (fs::exists(target, error)) return invalid(target.string(), " exists already; choose another name for the backup");
  if (!fs::is_directory(target.parent_path(), error)) {
    return not_found("there is no folder ", target.parent_path().string(), " on the coordinator's machine");
  }
  const fs::path copy = target.string() + ".partial";
  fs::remove(copy, error);
  Status status = copy_pages(database, copy);
  if (status.ok()) status = publish(copy, target);
  fs::remove(copy, error);
  if (!status.ok()) return status;
  return static_cast<int64_t>(fs::file_size(target, error));
}

}  // namespace autonorm::store
