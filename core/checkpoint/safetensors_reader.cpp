// Tensors from the bytes of a file that safetensors_header has checked.
#include <ATen/ops/empty.h>

#include <cstring>

#include "core/base/durable_file.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/safetensors_header.h"
#include "core/checkpoint/tensor_bytes.h"

namespace autonorm::checkpoint {

Result<NamedTensors> parse_safetensors(const std::string& bytes, const std::string& file) {
  const auto directory = read_tensor_directory(bytes, file);
  if (!directory.ok()) return directory.status();
  const char* data = bytes.data() + directory->data_offset;
  NamedTensors tensors;
  for (const TensorEntry& entry : directory->entries) {
    const auto dtype = dtype_of_word(entry.dtype);
    AUTONORM_CHECK(dtype && c10::elementSize(*dtype) == *element_bytes(entry.dtype), "dtype ", entry.dtype,
                   " means the same in both tables");
    at::Tensor tensor = at::empty(entry.shape, *dtype);
    if (entry.end > entry.begin) std::memcpy(tensor.data_ptr(), data + entry.begin, entry.end - entry.begin);
    tensors.emplace_back(entry.name, std::move(tensor));
  }
  return tensors;
}

Result<NamedTensors> read_safetensors(const std::filesystem::path& path) {
  const auto bytes = read_file(path);
  if (!bytes.ok()) return bytes.status();
  return parse_safetensors(*bytes, path.string());
}

}  // namespace autonorm::checkpoint
