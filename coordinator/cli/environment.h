// What main hands to the verbs: where to print, the clock, and everything read from the process's surroundings.
#pragma once
#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "coordinator/cli/command_line.h"
#include "core/base/clock.h"
#include "core/base/status.h"

namespace autonorm::cli {

struct Environment {
  std::ostream& out;
  std::ostream& err;
  bool live = false;    // `out` is a terminal: redraw progress in place
  bool colour = false;  // `out` is a terminal that shows colours
  int width = 80;       // of the terminal, columns
  const Clock& clock;
  int64_t clock_era = 0;                    // of its steady times; 0 = unknown
  std::function<std::string()> random_key;  // 32 hex digits, new for each call
  std::filesystem::path program_folder;     // where this binary lies; `worker` lies beside it
  std::string search_path;                  // PATH
  Defaults defaults;
  std::vector<std::filesystem::path> data_folders = {};  // where data sets may be on this machine
  // From now on log lines also go to files in this folder; empty = they do not.
  std::function<void(const std::filesystem::path&)> log_to = {};
};

// Prints the failure to `err` as people should see it; returns its exit code.
int fail(Environment& environment, const Status& status);

}  // namespace autonorm::cli
