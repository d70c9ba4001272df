#include "core/kernels/cuda_part.h"

#include <dlfcn.h>
#include <torch/version.h>

namespace autonorm::kernels {

Result<const CudaPart*> load_cuda_part(const std::filesystem::path& library) {
  std::error_code ignored;  // whatever the reason, the file cannot be used
  if (!std::filesystem::exists(library, ignored)) {
    return not_found("a GPU was asked for, but the CUDA part ", library.string(),
                     " does not exist: this build was made without the CUDA toolkit. Install it (nvcc 13) and build "
                     "again, or use device = \"cpu\".");
  }
  // Never closed: torch keeps pointers into it until the process ends.
  void* handle = dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) return internal("cannot load the CUDA part: ", dlerror());
  const auto entry = reinterpret_cast<CudaPartFunction>(dlsym(handle, kCudaPartSymbol));
  if (entry == nullptr) return conflict(library.string(), ": not a CUDA part of AutoNorm: ", dlerror());
  const CudaPart* part = entry();
  if (part->version != kCudaPartVersion || std::string_view(part->torch_version) != TORCH_VERSION) {
    return conflict(library.string(), ": built as version ", part->version, " with torch ", part->torch_version,
                    ", this program needs version ", kCudaPartVersion, " with torch ", TORCH_VERSION,
                    "; build both again");
  }
  return part;
}

}  // namespace autonorm::kernels
