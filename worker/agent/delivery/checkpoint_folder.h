// A checkpoint as the agent sees it: a folder with manifest.json, whose "files" object names each file's SHA-256 and
// size.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::agent {

struct ManifestFile {
  std::string name;
  Sha256 hash;
  int64_t bytes = 0;
  bool operator==(const ManifestFile&) const = default;
};
struct Manifest {
  Sha256 hash;  // of manifest.json itself: the checkpoint's identity
  std::vector<ManifestFile> files;
  int64_t bytes() const;  // of all files
};

inline constexpr std::string_view kManifestName = "manifest.json";

// kInvalid: not such a manifest, or a file name that leaves the folder.
Result<Manifest> parse_manifest(std::string_view text);
Result<Manifest> read_manifest(const std::filesystem::path& folder);
// Every file is there with the size and hash of the manifest; kInvalid names the first that is not.
Status verify_checkpoint(const std::filesystem::path& folder, const Manifest& manifest);
// The same files under a second name (hard links), so that the first may be removed. Replaces `to`.
Status link_checkpoint(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace autonorm::agent
