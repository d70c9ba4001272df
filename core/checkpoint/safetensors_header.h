// The header of a safetensors file: which tensor lies where. Without a tensor library, so that it can be fuzzed alone.
// https://github.com/huggingface/safetensors: u64 header length, JSON header, raw little-endian data.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace autonorm::checkpoint {

struct TensorEntry {
  std::string name;
  std::string dtype;  // "F32", "BF16", …
  std::vector<int64_t> shape;
  uint64_t begin = 0, end = 0;  // within the data
};
struct TensorDirectory {
  uint64_t data_offset = 0;  // of the first data byte in the file
  // In the order of their data, which follow each other without gap or overlap and fill the file; each has as many
  // bytes as its dtype and shape ask for.
  std::vector<TensorEntry> entries;
};

// Bytes of one element; nullopt for a word that is no dtype of ours.
std::optional<uint64_t> element_bytes(std::string_view dtype);

// Trusts nothing: every length, offset, dtype and shape is checked against the bytes that are there. kInvalid names
// `file` and what is wrong.
Result<TensorDirectory> read_tensor_directory(std::string_view bytes, const std::string& file);

}  // namespace autonorm::checkpoint
