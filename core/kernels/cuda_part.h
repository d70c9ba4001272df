// What a program that is built without CUDA can ask of libautonorm_cuda.so, which links libtorch_cuda, NCCL and our
// kernels and is loaded only when a GPU is asked for. Loading also registers the CUDA kernels of this folder's
// operators.
//
// It must be loaded before the process touches any other torch function: torch looks for its CUDA half once.
#pragma once
#include <c10/util/intrusive_ptr.h>

#include <chrono>
#include <filesystem>

#include "core/base/status.h"

namespace c10d {
class ProcessGroup;
class Store;
}  // namespace c10d

namespace autonorm::kernels {

inline constexpr int kCudaPartVersion = 1;  // raised with every change of CudaPart

struct NcclGroupOptions {
  int rank = 0;
  int size = 1;
  int device = 0;
  std::chrono::milliseconds timeout{};  // of one collective; the communicator is aborted then and wait() throws
};

// Functions throw c10::Error.
struct CudaPart {
  int version;
  const char* torch_version;  // it was built with
  int (*device_count)();      // 0 without a driver
  // Makes `device` the current one and sets what repeatable results need: deterministic cuDNN, no TF32, no autotuning.
  void (*prepare_device)(int device);
  int64_t (*peak_memory_bytes)(int device);  // of torch's allocator since the last reset
  void (*reset_peak_memory)(int device);
  // A group whose collectives run over NCCL. The store must outlive it.
  c10::intrusive_ptr<c10d::ProcessGroup> (*make_nccl_group)(const c10::intrusive_ptr<c10d::Store>& store,
                                                            const NcclGroupOptions& options);
};

// The one exported function of libautonorm_cuda.so.
inline constexpr const char* kCudaPartSymbol = "autonorm_cuda_part";
using CudaPartFunction = const CudaPart* (*)();

// Loads the library and keeps it for the life of the process. kNotFound: the file does not exist (built without CUDA);
// kConflict: another build's; kInternal: the loader's message. Not thread-safe; call it from main's thread.
Result<const CudaPart*> load_cuda_part(const std::filesystem::path& library);

}  // namespace autonorm::kernels
