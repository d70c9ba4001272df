// A c10d backend whose collectives travel through the worker agent (relay_client.h). CPU tensors only. Each call
// returns when the collective is complete, so the Work it gives is complete, too. A failed collective throws
// CollectiveAborted.
#pragma once
#include <c10/util/intrusive_ptr.h>

#include "worker/trainer/relay_client.h"

namespace c10d {
class ProcessGroup;
class Store;
}  // namespace c10d

namespace autonorm::trainer {

// `client` must outlive the group. The store only has to be there; the relay does not use it.
c10::intrusive_ptr<c10d::ProcessGroup> make_relay_group(const c10::intrusive_ptr<c10d::Store>& store, int rank,
                                                        int size, RelayClient& client);

}  // namespace autonorm::trainer
