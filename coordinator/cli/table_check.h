// What a plan can say about the tables (data.kind = "csv") that its trials learn from: those at hand are read and
// checked, up to a bound; of the others each trial finds out when it loads its data.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/sweep.h"

namespace autonorm::cli {

// `roots`: where data sets are on this machine. A warning in `sweep` names each table that is not checked, and why.
// kInvalid: "PATH: error: …" for each table that no trial could learn from, with file, line and column of the cell.
Status check_tables(const std::string& path, const std::vector<std::filesystem::path>& roots, config::Sweep& sweep);

}  // namespace autonorm::cli
