#include "worker/agent/supervision/group_memory.h"

#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace autonorm::agent {
namespace {

namespace fs = std::filesystem;

// Version 1 says "no limit" with the largest multiple of a page.
constexpr int64_t kNoLimit = int64_t{1} << 62;

// The number behind "oom_kill" in a file of "word number" lines.
std::optional<int64_t> oom_kill_field(const fs::path& path) {
  std::ifstream file(path);
  std::string word;
  int64_t value = 0;
  while (file >> word >> value) {
    if (word == "oom_kill") return value;
  }
  return std::nullopt;
}

int64_t limit_in(const fs::path& path) {
  std::ifstream file(path);
  int64_t bytes = 0;
  return file >> bytes && bytes < kNoLimit ? bytes : 0;  // "max" is no number
}

struct GroupFiles {
  fs::path kills, limit;
};

// This process's folder below the mounts of control groups, version 2 ("0::/path") or 1 ("N:memory:/path"); then the
// roots, which are the group inside most containers.
std::vector<GroupFiles> candidates(const fs::path& proc, const fs::path& groups) {
  const auto version_2 = [](const fs::path& folder) {
    return GroupFiles{folder / "memory.events", folder / "memory.max"};
  };
  const auto version_1 = [](const fs::path& folder) {
    return GroupFiles{folder / "memory.oom_control", folder / "memory.limit_in_bytes"};
  };
  std::vector<GroupFiles> found;
  std::ifstream file(proc / "self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t path = line.find(":/");
    if (path == std::string::npos) continue;
    const std::string below = line.substr(path + 2);
    if (line.starts_with("0::")) found.push_back(version_2(groups / below));
    if (line.find(":memory:") != std::string::npos) found.push_back(version_1(groups / "memory" / below));
  }
  found.push_back(version_2(groups));
  found.push_back(version_1(groups / "memory"));
  return found;
}

}  // namespace

GroupMemory read_group_memory(const fs::path& proc, const fs::path& groups) {
  for (const GroupFiles& files : candidates(proc, groups)) {
    if (const auto kills = oom_kill_field(files.kills)) return {*kills, limit_in(files.limit)};
  }
  return {oom_kill_field(proc / "vmstat").value_or(0), 0};
}

}  // namespace autonorm::agent
