// Size of the caches of this machine's processors.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>

namespace autonorm {

// Bytes of the last-level cache that a processor shares with its neighbours, as the kernel lists it below `caches`;
// nullopt where it lists none. The C library's sysconf may name the whole package's, or what a virtual machine's host
// has: ten times as much.
std::optional<int64_t> last_level_cache_bytes(
    const std::filesystem::path& caches = "/sys/devices/system/cpu/cpu0/cache");

}  // namespace autonorm
