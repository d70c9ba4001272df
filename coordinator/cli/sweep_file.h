// A sweep file read, checked and expanded by this program, before any server sees it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::cli {

struct SweepFile {
  config::SweepSource source;
  config::Sweep sweep;
};

// The failure's message has every error of the file, with positions. `data_folders`: where this machine has data sets;
// tables there are checked, too (table_check.h).
Result<SweepFile> load_sweep_file(const std::string& path, const std::vector<std::filesystem::path>& data_folders = {});

}  // namespace autonorm::cli
