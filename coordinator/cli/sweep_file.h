// A sweep file read, checked and expanded by this program, before any server sees it.
#pragma once
#include <string>

#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::cli {

struct SweepFile {
  config::SweepSource source;
  config::Sweep sweep;
};

// The failure's message has every error of the file, with positions.
Result<SweepFile> load_sweep_file(const std::string& path);

}  // namespace autonorm::cli
