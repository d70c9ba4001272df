// Where log streams read: one thread of its own with one read-only connection, so that followers and reports do not
// wait for each other.
#pragma once
#include <filesystem>
#include <memory>

#include "coordinator/server/request_pool.h"
#include "coordinator/store/log_reader.h"
#include "core/base/status.h"

namespace autonorm::server {

class LogDesk {
 public:
  static constexpr size_t kMaxPending = 256;  // looks that may wait; a stream has at most one

  // `database`: a file, or a state directory. Opened by the first look.
  explicit LogDesk(std::filesystem::path database) : database_(std::move(database)) {}

  RequestPool& thread() { return thread_; }
  // On thread() only; valid as long as the desk.
  Result<store::LogReader*> reader();

 private:
  const std::filesystem::path database_;
  std::unique_ptr<store::LogReader> reader_;
  RequestPool thread_{1, kMaxPending};  // last: its tasks use the rest
};

}  // namespace autonorm::server
