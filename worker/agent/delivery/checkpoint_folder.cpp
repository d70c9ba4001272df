#include "worker/agent/delivery/checkpoint_folder.h"

#include <nlohmann/json.hpp>

#include "core/base/durable_file.h"
#include "core/base/sha256.h"

namespace autonorm::agent {

namespace fs = std::filesystem;

int64_t Manifest::bytes() const {
  int64_t sum = 0;
  for (const ManifestFile& file : files) sum += file.bytes;
  return sum;
}

Result<Manifest> parse_manifest(std::string_view text) {
  Manifest manifest{sha256(text), {}};
  try {
    const auto json = nlohmann::json::parse(text);
    for (const auto& [name, entry] : json.at("files").items()) {
      // The manifest may come from another machine: it must not name a place outside its folder.
      if (name.empty() || name == kManifestName || name.find('/') != std::string::npos || name.starts_with(".")) {
        return invalid("checkpoint manifest: '", name, "' is no allowed file name");
      }
      manifest.files.push_back({name, Sha256(entry.at("sha256").get<std::string>()), entry.at("bytes").get<int64_t>()});
    }
  } catch (const nlohmann::json::exception& error) {
    return invalid("checkpoint manifest: ", error.what());
  }
  return manifest;
}

Result<Manifest> read_manifest(const fs::path& folder) {
  const auto text = read_file(folder / kManifestName);
  if (!text.ok()) return text.status();
  auto manifest = parse_manifest(*text);
  if (!manifest.ok()) return manifest.status().with_context(folder.string());
  return manifest;
}

Status verify_checkpoint(const fs::path& folder, const Manifest& manifest) {
  for (const ManifestFile& file : manifest.files) {
    const fs::path path = folder / file.name;
    std::error_code error;
    const auto size = fs::file_size(path, error);
    if (error) return invalid(path.string(), ": ", error.message());
    if (static_cast<int64_t>(size) != file.bytes) {
      return invalid(path.string(), " has ", size, " bytes where its manifest says ", file.bytes);
    }
    const auto hash = sha256_file(path);
    if (!hash.ok()) return hash.status();
    if (*hash != file.hash)
      return invalid(path.string(), " has SHA-256 ", *hash, " where its manifest says ", file.hash);
  }
  return {};
}

Status link_checkpoint(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::remove_all(to, error);
  fs::create_directories(to, error);
  if (error) return system_error(cat("making ", to.string()), error.value());
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    fs::create_hard_link(it->path(), to / it->path().filename(), error);
    if (error) break;
  }
  return error ? system_error(cat("linking ", from.string(), " to ", to.string()), error.value()) : Status();
}

}  // namespace autonorm::agent
