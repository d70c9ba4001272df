// The worker's command line and environment.
#pragma once
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/base/status.h"

namespace autonorm::agent {

struct WorkerOptions {
  std::string coordinator = "127.0.0.1:50551";
  std::filesystem::path work_dir = "runs/work";
  std::string host;  // where peers reach this worker; empty = the address it has towards the coordinator
  std::string device = "auto";
  std::filesystem::path trainer;  // empty = beside this program
  std::chrono::seconds grace{20};
  int trials_per_trainer = 200;
  bool verbose = false;
};

struct Invocation {
  WorkerOptions options;
  // Set for --help, --version and wrong usage: print the text (to stderr unless 0) and leave with this status.
  std::optional<int> leave_with;
  std::string text;
};

// `environment(name)` is a variable's value or "". Flags win over AUTONORM_COORDINATOR and AUTONORM_STATE.
Invocation parse_command_line(int count, const char* const* words,
                              const std::function<std::string(const char*)>& environment);

}  // namespace autonorm::agent
