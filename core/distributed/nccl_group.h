// The NCCL backend, part of libautonorm_cuda.so.
#pragma once
#include "core/kernels/cuda_part.h"

namespace autonorm::distributed {

// One rank of a group on one GPU each. Needs TORCH_NCCL_ASYNC_ERROR_HANDLING=2 in the environment before any thread
// starts, so that a lost peer aborts the communicator and leaves the process alive to say so. Throws c10::Error.
c10::intrusive_ptr<c10d::ProcessGroup> make_nccl_group(const c10::intrusive_ptr<c10d::Store>& store,
                                                       const kernels::NcclGroupOptions& options);

}  // namespace autonorm::distributed
