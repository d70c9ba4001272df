// What a trial records about itself besides its metrics: hashes that prove sameness, versions, memory.
#pragma once
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "core/checkpoint/checkpoint.h"
#include "core/norms/parameter_table.h"

namespace autonorm::train {

// "model.NAME" and "buffer.NAME" in table order; the tensors share memory with the table.
checkpoint::NamedTensors model_tensors(const norms::ParameterTable& table);
// "NAME [2, 64]" → SHA-256 of the value's bytes. Parameters on the CPU.
std::map<std::string, std::string> initial_hashes(const norms::ParameterTable& table);
// "trainer_version", "torch_version", "cpu_capability", "device": what bit-identity depends on, but for the build.
std::map<std::string, std::string> environment_facts(at::Device device);
// The running program's build id; on a GPU with that of the loaded CUDA part behind a '+'.
std::string build_of_this_process(at::Device device);

// Largest memory since construction, in MiB: resident set on the CPU, the allocator's bytes on a GPU.
class PeakMemory {
 public:
  explicit PeakMemory(at::Device device);
  double mib() const;

 private:
  const at::Device device_;
};

}  // namespace autonorm::train
