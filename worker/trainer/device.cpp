#include "worker/trainer/device.h"

#include <charconv>

namespace autonorm::trainer {

Result<TrialDevice> open_device(const std::string& name, const std::filesystem::path& cuda_library) {
  if (name == "cpu") return TrialDevice{};
  int index = name == "cuda" ? 0 : -1;
  if (name.starts_with("cuda:")) {
    const char* end = name.data() + name.size();
    const auto [at, error] = std::from_chars(name.data() + 5, end, index);
    if (error != std::errc() || at != end) index = -1;
  }
  if (index < 0) return invalid("device '", name, "': expected cpu, cuda or cuda:N");
  const auto part = kernels::load_cuda_part(cuda_library);
  if (!part.ok()) return part.status();
  const int count = (*part)->device_count();
  if (index >= count) {
    return invalid("device '", name, "': this machine has ", count, count == 1 ? " GPU" : " GPUs",
                   " that CUDA can use; use device = \"cpu\", or check the driver with nvidia-smi");
  }
  (*part)->prepare_device(index);
  return TrialDevice{.device = at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index)), .cuda = *part};
}

std::string automatic_device(const std::filesystem::path& cuda_library) {
  std::error_code ignored;  // what cannot be looked at cannot be used
  const bool usable =
      std::filesystem::exists(cuda_library, ignored) && std::filesystem::exists("/dev/nvidia0", ignored);
  return usable ? "cuda:0" : "cpu";
}

}  // namespace autonorm::trainer
