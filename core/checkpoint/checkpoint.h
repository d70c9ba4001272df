// A checkpoint: a folder with state.safetensors and manifest.json (format, trial, step, epoch, configuration, SHA-256
// and size of each file, facts). Written to a temporary folder, fsynced, renamed, parent fsynced.
#pragma once
#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/ids.h"
#include "core/base/status.h"

namespace autonorm::checkpoint {

using NamedTensors =
    std::vector<std::pair<std::string, at::Tensor>>;  // CPU or CUDA; stored from CPU copies, contiguous

struct Checkpoint {
  TrialId trial;
  int64_t step = 0;           // optimizer steps done
  nlohmann::json config;      // resolved trial configuration
  nlohmann::json host_state;  // counters, partial sums, best values: whatever the loop needs to go on bit-identically
  NamedTensors tensors;       // "model.NAME", "adam.exp_avg.NAME", "ema.NAME", "buffer.NAME", …
};

// Returns the folder `parent/step-<n>`. After ok() it is durable.
Result<std::filesystem::path> save(const std::filesystem::path& parent, const Checkpoint& checkpoint);
// Verifies every hash; kInvalid says which file, expected and found.
Result<Checkpoint> load(const std::filesystem::path& folder);
// The newest loadable step-<n> below `parent`; each unusable one is passed over with its reason logged. kNotFound:
// none.
Result<std::filesystem::path> newest(const std::filesystem::path& parent);
// Keeps the newest `keep` checkpoints.
Status retain(const std::filesystem::path& parent, int keep);
// SHA-256 over name, dtype, shape and bytes of every tensor in order.
Sha256 tensors_sha256(const NamedTensors& tensors);

// safetensors file (https://github.com/huggingface/safetensors): u64 header length, JSON header, raw little-endian
// data.
Status write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                         const std::map<std::string, std::string>& metadata);
Result<NamedTensors> read_safetensors(const std::filesystem::path& path);

}  // namespace autonorm::checkpoint
