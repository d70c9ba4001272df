#include "core/kernels/row_driver.h"

#include <ATen/Version.h>
#include <unistd.h>

#include <string>

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
  static const int64_t cache = [] {
    const long level3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return level3 > 0 ? int64_t{level3} : int64_t{32} << 20;  // 0: not known, as in some virtual machines
  }();
  return bytes > cache;
}

}  // namespace autonorm::kernels
