#include "coordinator/store/wal_watch.h"

#include "core/base/log.h"

namespace autonorm::store {

void WalWatch::committed(const std::filesystem::path& database) {
  constexpr int64_t kCommitsBetweenLooks = 256;
  if (++commits_ % kCommitsBetweenLooks != 0) return;
  std::error_code error;
  const auto bytes = std::filesystem::file_size(database.string() + "-wal", error);
  if (error || static_cast<int64_t>(bytes) < warn_at_) return;
  log_warning(database.string(), "-wal has grown to ", bytes >> 20,
              " MiB: a program keeps an old state of the database open; close what reads it");
  warn_at_ = static_cast<int64_t>(bytes) * 2;
}

}  // namespace autonorm::store
