// A gang over a c10d process group: the only unit of core/ that sees c10d. The caller chooses the backend (the relay on
// CPU, NCCL on GPU, an in-process one in tests).
#pragma once
#include <c10/core/Device.h>
#include <c10/util/intrusive_ptr.h>

#include <memory>

#include "core/distributed/gang.h"

namespace c10d {
class ProcessGroup;
}

namespace autonorm::distributed {

// `group` must have a backend for `device`'s type. Rank and size are the group's. Buckets are rebuilt on GPU only, so
// that on CPU a resumed trial reduces with the layout of the first step.
std::unique_ptr<Gang> make_gang(c10::intrusive_ptr<c10d::ProcessGroup> group, at::Device device);

}  // namespace autonorm::distributed
