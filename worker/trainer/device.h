// The device that a trial runs on.
#pragma once
#include <c10/core/Device.h>

#include <filesystem>
#include <string>

#include "core/base/status.h"
#include "core/kernels/cuda_part.h"

namespace autonorm::trainer {

struct TrialDevice {
  at::Device device = at::kCPU;
  const kernels::CudaPart* cuda = nullptr;  // set for a GPU
};

// `name`: "cpu", "cuda" (= "cuda:0") or "cuda:N". Loads the CUDA part when a GPU is asked for: the first call of a
// process must come before it uses any other torch function. kInvalid: another word or a GPU that does not exist; else
// what load_cuda_part says.
Result<TrialDevice> open_device(const std::string& name, const std::filesystem::path& cuda_library);

// What "auto" means for a program without a worker: "cuda:0" where this build has the CUDA part and the machine has
// NVIDIA's device files, else "cpu".
std::string automatic_device(const std::filesystem::path& cuda_library);

}  // namespace autonorm::trainer
