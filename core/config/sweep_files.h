// A sweep file and what it includes, parsed. Internal to load_sweep_source and expand_sweep.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/config/diagnostics.h"
#include "core/config/value.h"

namespace autonorm::config {

struct ParsedFile {
  std::string name, text;
  Value root;
};
// The text of a file by its name, which is relative to the root file's folder.
using FileProvider = std::function<Result<std::string>(const std::string& name)>;

// The root file first, then every included file once. Empty, with errors, when something is missing, included in a
// circle or no TOML; a syntax error is then the only error.
std::vector<ParsedFile> read_sweep_files(const std::string& root, const FileProvider& provider,
                                         Diagnostics& diagnostics);

}  // namespace autonorm::config
