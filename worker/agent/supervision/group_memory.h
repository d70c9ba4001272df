// Memory of this process's control group, which the trainers share: how the kernel's out-of-memory kills are told from
// crashes.
#pragma once
#include <cstdint>
#include <filesystem>

namespace autonorm::agent {

struct GroupMemory {
  int64_t oom_kills = 0;    // by the kernel so far; of the whole machine where the group cannot be read
  int64_t limit_bytes = 0;  // memory.max; 0 = none, or not to be read
  bool operator==(const GroupMemory&) const = default;
};

// Never fails: what cannot be read is 0. A few small files; some 50 µs.
GroupMemory read_group_memory(const std::filesystem::path& proc = "/proc",
                              const std::filesystem::path& groups = "/sys/fs/cgroup");

}  // namespace autonorm::agent
