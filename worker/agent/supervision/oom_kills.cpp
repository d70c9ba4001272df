#include <fstream>
#include <sstream>
#include <string>

#include "worker/agent/supervision/trainer_supervisor.h"

namespace autonorm::agent {
namespace {

// The number behind "oom_kill" in a file of "word number" lines; -1 when there is none.
int64_t oom_kill_field(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  int64_t value = 0;
  while (file >> word >> value) {
    if (word == "oom_kill") return value;
  }
  return -1;
}

// This process's folder below the mounts of control groups, version 2 ("0::/path") or 1 ("N:memory:/path").
std::string counter_file() {
  std::ifstream file("/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t path = line.find(":/");
    if (path == std::string::npos) continue;
    if (line.starts_with("0::")) return "/sys/fs/cgroup" + line.substr(path + 1) + "/memory.events";
    if (line.find(":memory:") != std::string::npos)
      return "/sys/fs/cgroup/memory" + line.substr(path + 1) + "/memory.oom_control";
  }
  return "";
}

}  // namespace

int64_t count_oom_kills() {
  for (const std::string& path :
       {counter_file(), std::string("/sys/fs/cgroup/memory.events"),
        std::string("/sys/fs/cgroup/memory/memory.oom_control"), std::string("/proc/vmstat")}) {
    if (path.empty()) continue;
    if (const int64_t kills = oom_kill_field(path); kills >= 0) return kills;
  }
  return 0;
}

}  // namespace autonorm::agent
