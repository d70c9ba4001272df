// What workers of earlier days left in a state directory's work/ (deploy/local/workers and `coordinator run` put their
// work-dirs there): attempts that were delivered long ago.
#pragma once
#include <cstdint>
#include <filesystem>

#include "core/base/clock.h"

namespace autonorm::store {

struct OldAttempts {
  int64_t folders = 0, bytes = 0;
};

// Attempt folders below `work`/rank-*/trials that have no token, which is what still has to be delivered, and were not
// touched since `untouched_since`; removed if asked to. Folders of a worker that runs, which holds their lock, are left
// to that worker, and their lock is held meanwhile.
OldAttempts old_attempts(const std::filesystem::path& work, WallTime untouched_since, bool remove);

}  // namespace autonorm::store
