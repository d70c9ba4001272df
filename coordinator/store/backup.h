// A copy of the database while a coordinator writes it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>

#include "core/base/status.h"

namespace autonorm::store {

// Copies `database` as of now to `target`, durably and whole or not at all; the bytes written. Reads through a
// connection of its own in one transaction, so that the writer goes on meanwhile; takes as long as the disk needs for
// the whole file. Artifacts are not part of it. `key` names the call that asked for it and is noted in the copy: when
// `target` exists and is what the same call has made before, nothing is done. kInvalid when it is anything else.
Result<int64_t> back_up(const std::filesystem::path& database, const std::filesystem::path& target,
                        const std::string& key);

}  // namespace autonorm::store
