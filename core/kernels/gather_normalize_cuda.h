// The launch function of the CUDA kernel: raw pointers and a stream, so that the .cu file stays free of torch headers.
#pragma once
#include <cuda_runtime_api.h>

#include <cstdint>

namespace autonorm::kernels {

enum class GatherOutput { kFloat32, kBFloat16 };

struct GatherArguments {
  const uint8_t* images;   // [count, pixels] device
  const int64_t* indices;  // [batch] device; one outside [0, count) traps, i.e. the next synchronization fails
  int64_t count, batch, pixels;
  float scale;
  GatherOutput type;
  void* out;  // [batch, pixels] of `type`, device
};

// Asynchronous on `stream`. batch and pixels may be 0.
cudaError_t launch_gather_normalize(const GatherArguments& arguments, cudaStream_t stream);

}  // namespace autonorm::kernels
