// The GPUs of this host, and which of them a rank gets.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/status.h"
#include "core/messages/fleet.h"

namespace autonorm::agent {

struct Gpu {
  std::string name;
  int64_t memory_bytes = 0;  // 0 = unknown
  bool operator==(const Gpu&) const = default;
};

// In the order of CUDA's ordinals, as far as `visible` (CUDA_VISIBLE_DEVICES, "" = all) leaves them. Asks NVIDIA's
// management library when there is one, else the driver's /proc folder `driver`. Does not open a device.
std::vector<Gpu> find_gpus(const std::string& visible,
                           const std::filesystem::path& driver = "/proc/driver/nvidia/gpus");
// "AMD EPYC 7763", from a file like /proc/cpuinfo; "CPU" when it does not say.
std::string cpu_name(const std::filesystem::path& cpuinfo = "/proc/cpuinfo");

// `wanted`: "auto" | "cpu" | "cuda". Rank `local_rank` of `local_size` on this host gets the GPU of its number; auto
// takes GPUs where there are any. kInvalid: more ranks than GPUs, or cuda without a GPU.
Result<fleet::Device> choose_device(const std::string& wanted, int local_rank, int local_size,
                                    const std::vector<Gpu>& gpus, const std::string& cpu);

}  // namespace autonorm::agent
