// The folder that belongs to one coordinator: made, checked and locked.
#pragma once
#include <filesystem>
#include <string>

#include "core/base/durable_file.h"
#include "core/base/status.h"

namespace autonorm::store {

// Holds the lock of a state directory until it is destroyed; the system releases it when the process dies, however it
// dies.
class StateDirectory {
 public:
  // Creates the folder when it is missing. kConflict names the process that has the lock; kInvalid: a file system
  // without dependable locks, or read-only; kExhausted: disk full.
  static Result<StateDirectory> lock(const std::filesystem::path& dir);
  const std::filesystem::path& path() const { return path_; }

 private:
  StateDirectory(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;  // absolute
  Fd lock_;
};

// kInvalid for network file systems, by the type that statfs(2) reports: SQLite's WAL needs shared memory and locks of
// one machine.
Status check_file_system(int64_t type, const std::filesystem::path& dir);

// The failure of a system call on the state directory, with a remedy.
Status directory_error(std::string_view what, const std::filesystem::path& dir, int error_number);

}  // namespace autonorm::store
