// manifest.json: what a checkpoint is and which files belong to it. The text carries a checksum of itself and must be
// exactly what this code would write, so every changed bit is noticed.
//
//   { "checksum": SHA-256 of the same text without this key, "config": {…}, "files": {"state.safetensors": {"bytes",
//   "sha256"}},
//     "format": 1, "host_state": {…}, "step": 120, "trial": "…" }
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::checkpoint {

inline constexpr int kCheckpointFormat = 1;  // what this build writes; it reads 1 only

struct ManifestFile {
  Sha256 sha256;
  int64_t bytes = 0;
};
struct Manifest {
  TrialId trial;
  int64_t step = 0;
  nlohmann::json config, host_state;
  std::map<std::string, ManifestFile> files;
};

// kInvalid: a number that is not finite, which JSON cannot hold (named), or text that is not UTF-8.
Result<std::string> write_manifest(const Manifest& manifest);
// `file` is for messages. kInvalid: damaged; kConflict: written by a newer version.
Result<Manifest> parse_manifest(const std::string& text, const std::string& file);

}  // namespace autonorm::checkpoint
