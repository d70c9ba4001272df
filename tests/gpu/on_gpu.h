// A GPU and the CUDA part, or a visible skip.
#pragma once
#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/kernels/cuda_part.h"

namespace autonorm::kernels {

inline const std::filesystem::path kCudaLibrary =
    std::filesystem::path(AUTONORM_BINARY_DIR) / "lib" / "libautonorm_cuda.so";

// The part, or null when this build has none. Loaded before torch computes anything in this process.
inline const CudaPart* part() {
  static const CudaPart* const loaded = [] {
    const auto result = load_cuda_part(kCudaLibrary);
    return result.ok() ? *result : nullptr;
  }();
  return loaded;
}

inline void skip_without_gpu() {
  if (part() == nullptr) GTEST_SKIP() << "this build has no CUDA part";
  if (part()->device_count() == 0) GTEST_SKIP() << "this machine has no GPU";
  part()->prepare_device(0);
}

}  // namespace autonorm::kernels
