// The writing half of safetensors that also reports what it wrote; checkpoint.h has the plain functions.
#pragma once
#include <map>
#include <string>

#include "core/checkpoint/checkpoint.h"

namespace autonorm::checkpoint {

struct WrittenFile {
  Sha256 sha256;
  int64_t bytes = 0;
};

// Creates or overwrites `path` and fsyncs it; the folder is left to the caller. kInvalid: two tensors of one name, or a
// dtype that the format does not have. kExhausted: the disk is full.
Result<WrittenFile> write_tensor_file(const std::filesystem::path& path, const NamedTensors& tensors,
                                      const std::map<std::string, std::string>& metadata);

// As read_safetensors, from memory; `file` is for messages.
Result<NamedTensors> parse_safetensors(const std::string& bytes, const std::string& file);

}  // namespace autonorm::checkpoint
