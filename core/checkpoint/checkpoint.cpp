#include "core/checkpoint/checkpoint.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <functional>
#include <optional>

#include "core/base/durable_file.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "core/base/sha256.h"
#include "core/checkpoint/manifest.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/tensor_bytes.h"

namespace autonorm::checkpoint {
namespace {

using std::filesystem::path;

constexpr const char* kStateFile = "state.safetensors";
constexpr const char* kManifestFile = "manifest.json";
constexpr std::string_view kFolderPrefix = "step-";
constexpr std::string_view kTemporaryPrefix = ".step-";

std::optional<int64_t> step_of(const path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kFolderPrefix)) return std::nullopt;
  int64_t step = 0;
  const char* end = name.data() + name.size();
  const auto [at, error] = std::from_chars(name.data() + kFolderPrefix.size(), end, step);
  return error == std::errc() && at == end ? std::optional(step) : std::nullopt;
}

// The checkpoints below `parent`, newest first; none when the folder does not exist.
std::vector<std::pair<int64_t, path>> list(const path& parent) {
  std::vector<std::pair<int64_t, path>> found;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(parent, none)) {
    if (const auto step = step_of(entry.path())) found.emplace_back(*step, entry.path());
  }
  std::ranges::sort(found, std::greater<>());
  return found;
}

Status write_folder(const path& folder, const Checkpoint& checkpoint) {
  const auto state =
      write_tensor_file(folder / kStateFile, checkpoint.tensors, {{"step", std::to_string(checkpoint.step)}});
  if (!state.ok()) return state.status();
  const auto manifest = write_manifest({.trial = checkpoint.trial,
                                        .step = checkpoint.step,
                                        .config = checkpoint.config,
                                        .host_state = checkpoint.host_state,
                                        .files = {{kStateFile, {state->sha256, state->bytes}}}});
  if (!manifest.ok()) return manifest.status();
  AUTONORM_RETURN_IF_ERROR(write_file_durably(folder / kManifestFile, *manifest));
  return sync_path(folder);
}

// Puts `temporary` in the place of `folder`. A folder of that name (an attempt that came this far before) is exchanged
// in one step where the file system can, so that there is a whole checkpoint at every moment; it ends up as
// `temporary`.
Status put_in_place(const path& temporary, const path& folder) {
  if (rename(temporary.c_str(), folder.c_str()) == 0) return {};
  if (errno != ENOTEMPTY && errno != EEXIST) return system_error("cannot rename " + temporary.string(), errno);
  if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, folder.c_str(), RENAME_EXCHANGE) == 0) return {};
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) return system_error("cannot replace " + folder.string(), error.value());
  if (rename(temporary.c_str(), folder.c_str()) != 0) return system_error("cannot rename " + temporary.string(), errno);
  return {};
}

}  // namespace

Result<path> save(const path& parent, const Checkpoint& checkpoint) {
  const path folder = parent / cat(kFolderPrefix, checkpoint.step);
  const path temporary = parent / cat(kTemporaryPrefix, checkpoint.step, ".tmp");
  std::error_code error;
  std::filesystem::remove_all(temporary, error);  // what a crash left; a real problem shows below
  std::filesystem::create_directories(temporary, error);
  if (error) return system_error("cannot create " + temporary.string(), error.value());
  Status status = write_folder(temporary, checkpoint);
  pass(Failpoint::kCheckpointBefore);
  if (status.ok()) status = put_in_place(temporary, folder);
  if (status.ok()) status = sync_path(parent);
  pass(Failpoint::kCheckpointAfter);
  std::filesystem::remove_all(temporary, error);  // frees the space of a failed or replaced one
  if (!status.ok()) return status.with_context(cat("saving checkpoint ", folder.string()));
  return folder;
}

Result<Checkpoint> load(const path& folder) {
  const path manifest_file = folder / kManifestFile;
  const auto text = read_file(manifest_file);
  if (!text.ok()) return text.status().with_context(cat("loading checkpoint ", folder.string()));
  auto manifest = parse_manifest(*text, manifest_file.string());
  if (!manifest.ok()) return manifest.status();
  Checkpoint checkpoint{
      .trial = manifest->trial, .step = manifest->step, .config = {}, .host_state = {}, .tensors = {}};
  checkpoint.config = std::move(manifest->config);
  checkpoint.host_state = std::move(manifest->host_state);
  const auto entry = manifest->files.find(kStateFile);
  if (entry == manifest->files.end())
    return invalid(manifest_file.string(), ": expected an entry for ", kStateFile, ", found none");
  const path state_file = folder / kStateFile;
  const auto bytes = read_file(state_file);
  if (!bytes.ok()) return bytes.status().with_context(cat("loading checkpoint ", folder.string()));
  if (static_cast<int64_t>(bytes->size()) != entry->second.bytes) {
    return invalid(state_file.string(), ": expected ", entry->second.bytes, " bytes, found ", bytes->size());
  }
  if (const Sha256 found = sha256(*bytes); found != entry->second.sha256) {
    return invalid(state_file.string(), ": expected SHA-256 ", entry->second.sha256, ", found ", found);
  }
  auto tensors = parse_safetensors(*bytes, state_file.string());
  if (!tensors.ok()) return tensors.status();
  checkpoint.tensors = std::move(*tensors);
  return checkpoint;
}

Result<path> newest(const path& parent) {
  for (const auto& [step, folder] : list(parent)) {
    const auto loaded = load(folder);
    if (loaded.ok()) return folder;
    log_warning("checkpoint ", folder.string(), " is passed over: ", loaded.status().message());
  }
  return not_found("no usable checkpoint below ", parent.string());
}

Status retain(const path& parent, int keep) {
  const auto found = list(parent);
  for (size_t i = static_cast<size_t>(std::max(keep, 0)); i < found.size(); ++i) {
    std::error_code error;
    std::filesystem::remove_all(found[i].second, error);
    if (error) return system_error("cannot remove " + found[i].second.string(), error.value());
  }
  return {};
}

Sha256 tensors_sha256(const NamedTensors& tensors) {
  Sha256Stream hash;
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor host = on_host(tensor);
    // Lengths in the text keep neighbouring fields apart.
    const std::string head =
        cat(name.size(), ':', name, ' ', c10::toString(host.scalar_type()), ' ', host.sizes(), ' ');
    hash.update(head.data(), head.size());
    const auto bytes = bytes_of(host);
    hash.update(bytes.data(), bytes.size());
  }
  return hash.finish();
}

}  // namespace autonorm::checkpoint
