// A safetensors file: what its header says must lie within the file, tensor behind tensor.
#include "core/checkpoint/safetensors_header.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace autonorm;
  const auto directory = checkpoint::read_tensor_directory(fuzz::text_of(data, size), "x.safetensors");
  if (!directory.ok()) {
    fuzz::require(directory.status().message().starts_with("x.safetensors: "), "an error names the file");
    return 0;
  }
  fuzz::require(directory->data_offset <= size, "the header lies within the file");
  uint64_t end = 0;
  for (const checkpoint::TensorEntry& entry : directory->entries) {
    fuzz::require(entry.begin == end && entry.end >= entry.begin, "tensors follow each other");
    end = entry.end;
    uint64_t bytes = checkpoint::element_bytes(entry.dtype).value();
    for (const int64_t extent : entry.shape) {
      fuzz::require(extent >= 0, "no extent is negative");
      bytes *= static_cast<uint64_t>(extent);
    }
    fuzz::require(bytes == entry.end - entry.begin, "a tensor has the bytes of its shape");
  }
  fuzz::require(directory->data_offset + end == size, "the tensors fill the file");
  return 0;
}
