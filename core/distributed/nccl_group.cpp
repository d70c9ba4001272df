#include "core/distributed/nccl_group.h"

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace autonorm::distributed {

c10::intrusive_ptr<c10d::ProcessGroup> make_nccl_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                       const kernels::NcclGroupOptions& options) {
  using Backend = c10d::ProcessGroup::BackendType;
  auto settings = c10d::ProcessGroupNCCL::Options::create(/*is_high_priority_stream=*/false);
  settings->timeout = options.timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, options.rank, options.size, settings);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, options.rank, options.size);
  group->setDefaultBackend(Backend::NCCL);
  // Bound before setBackend: the communicator then comes up at once and not inside the first training step.
  group->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(options.device)));
  group->setBackend(at::kCUDA, Backend::NCCL, backend);
  return group;
}

}  // namespace autonorm::distributed
