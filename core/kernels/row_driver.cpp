#include "core/kernels/row_driver.h"

#include <ATen/Version.h>

#include <string>

#include "core/base/cache_size.h"

namespace autonorm::kernels {

const RowKernels& row_kernels() {
  static const RowKernels& chosen = []() -> const RowKernels& {
#if defined(__x86_64__)
    const std::string capability = at::get_cpu_capability();
    if (capability == kRowKernelsAvx512.capability) return kRowKernelsAvx512;
    if (capability == kRowKernelsAvx2.capability) return kRowKernelsAvx2;
#endif
    return kRowKernelsDefault;
  }();
  return chosen;
}

bool larger_than_caches(int64_t bytes) {
  static const int64_t cache = last_level_cache_bytes().value_or(int64_t{32} << 20);
  return bytes > cache;
}

}  // namespace autonorm::kernels
