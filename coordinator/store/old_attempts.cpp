#include "coordinator/store/old_attempts.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <vector>

#include "core/base/durable_file.h"
#include "core/base/folder_bytes.h"
#include "core/base/log.h"

namespace autonorm::store {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> folders_in(const fs::path& parent) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(parent, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error) && !it->is_symlink(error)) found.push_back(it->path());
  }
  return found;
}

// Invalid while a worker lives there, and for a folder that is no worker's.
Fd take_idle_lock(const fs::path& rank) {
  Fd lock(::open((rank / "lock").c_str(), O_RDWR | O_CLOEXEC));
  if (!lock.valid() || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Fd();
  return lock;
}

bool untouched(const fs::path& folder, WallTime since) {
  struct stat info {};
  if (::stat(folder.c_str(), &info) != 0) return false;
  return wall_from_us(int64_t{info.st_mtim.tv_sec} * 1'000'000) < since;
}

void take(const fs::path& attempt, bool remove, OldAttempts& old) {
  const int64_t bytes = folder_bytes(attempt);
  if (remove) {
    std::error_code error;
    fs::remove_all(attempt, error);
    if (error) {
      log_warning("removing ", attempt.string(), ": ", error.message());
      return;
    }
    fs::remove(attempt.parent_path(), error);  // the trial's folder, when this was its last attempt
  }
  ++old.folders;
  old.bytes += bytes;
}

}  // namespace

OldAttempts old_attempts(const fs::path& work, WallTime untouched_since, bool remove) {
  OldAttempts old;
  for (const fs::path& rank : folders_in(work)) {
    const Fd lock = take_idle_lock(rank);
    if (!lock.valid()) continue;
    for (const fs::path& trial : folders_in(rank / "trials")) {
      for (const fs::path& attempt : folders_in(trial)) {
        std::error_code error;
        const bool open = fs::exists(attempt / "token", error) || error;
        if (!open && untouched(attempt, untouched_since)) take(attempt, remove, old);
      }
    }
  }
  return old;
}

}  // namespace autonorm::store
