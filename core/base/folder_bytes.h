#pragma once
#include <cstdint>
#include <filesystem>

namespace autonorm {

// The sizes of all files below `folder`. What cannot be looked at, or vanishes meanwhile, counts as nothing.
int64_t folder_bytes(const std::filesystem::path& folder);

}  // namespace autonorm
