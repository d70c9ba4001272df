// A c10d process group whose ranks are threads of the test: what the relay does between processes, without processes.
#pragma once
#include <c10/util/intrusive_ptr.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/distributed/gang.h"

namespace autonorm::test {

// Runs `body(gang)` on `size` threads, one per rank. all_reduce adds in rank order per element. When a body throws, the
// others' collectives throw CollectiveAborted; the first exception is thrown again when all have ended.
void run_ranks(int size, const std::function<void(distributed::Gang&)>& body);

}  // namespace autonorm::test
