#include "core/train/facts.h"

#include <ATen/Version.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <malloc.h>
#include <torch/version.h>

#include <fstream>

#include "core/base/build_id.h"
#include "core/base/sha256.h"
#include "core/base/status.h"
#include "core/base/text.h"

namespace autonorm::train {
namespace {

constexpr double kMib = 1024.0 * 1024.0;

// VmHWM of /proc/self/status in bytes; 0 when the kernel does not offer it.
double resident_high_water() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) * 1024.0;
  }
  return 0.0;
}

}  // namespace

checkpoint::NamedTensors model_tensors(const norms::ParameterTable& table) {
  checkpoint::NamedTensors tensors;
  for (const norms::Parameter& parameter : table.parameters()) {
    tensors.emplace_back("model." + parameter.name, parameter.value.detach());
  }
  for (const norms::Buffer& buffer : table.buffers()) tensors.emplace_back("buffer." + buffer.name, buffer.value);
  return tensors;
}

std::map<std::string, std::string> initial_hashes(const norms::ParameterTable& table) {
  std::map<std::string, std::string> hashes;
  for (const norms::Parameter& parameter : table.parameters()) {
    const at::Tensor value = parameter.value.detach().contiguous();
    const std::string_view bytes(static_cast<const char*>(value.const_data_ptr()), value.nbytes());
    hashes[cat(parameter.name, ' ', value.sizes())] = sha256(bytes).value();
  }
  return hashes;
}

std::map<std::string, std::string> environment_facts(at::Device device) {
  return {{"trainer_version", AUTONORM_VERSION},
          {"torch_version", TORCH_VERSION},
          {"cpu_capability", at::get_cpu_capability()},
          {"device", device.str()}};
}

std::string build_of_this_process(at::Device device) {
  static const std::string program = program_build_id();
  AUTONORM_CHECK(!program.empty(), "this program was linked without --build-id");
  return device.is_cpu() ? program : cat(program, '+', library_build_id("libautonorm_cuda.so"));
}

PeakMemory::PeakMemory(at::Device device)
    : device_(device.is_cpu() || device.has_index() ? device : at::Device(device.type(), 0)) {
  if (device_.is_cpu()) {
    malloc_trim(0);  // what earlier trials of a warm trainer freed is not this one's
    // "5" resets the high-water mark, which otherwise still shows earlier trials of a warm trainer. A kernel that
    // refuses leaves the larger value.
    std::ofstream("/proc/self/clear_refs") << "5";
  } else {
    at::getDeviceAllocator(device_.type())->resetPeakStats(device_.index());
  }
}

double PeakMemory::mib() const {
  if (device_.is_cpu()) return resident_high_water() / kMib;
  const auto stats = at::getDeviceAllocator(device_.type())->getDeviceStats(device_.index());
  return static_cast<double>(stats.allocated_bytes[0].peak) / kMib;
}

}  // namespace autonorm::train
