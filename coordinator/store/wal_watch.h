// Says so when a reader that does not end keeps the write-ahead log from beginning anew (database.h has its bound).
#pragma once
#include <cstdint>
#include <filesystem>

#include "coordinator/store/database.h"

namespace autonorm::store {

// Not thread-safe.
class WalWatch {
 public:
  // After each commit. Looks at the file at every 256th; warns from 256 MiB on, and again whenever it has doubled.
  void committed(const std::filesystem::path& database);

 private:
  int64_t commits_ = 0;
  int64_t warn_at_ = 4 * kWalBytes;
};

}  // namespace autonorm::store
