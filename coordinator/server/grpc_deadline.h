// Deadlines of network calls, on gRPC's own monotonic clock: a wall clock that is set meanwhile moves none of them.
#pragma once
#include <grpc/support/time.h>

#include <chrono>

namespace autonorm::server {

inline gpr_timespec grpc_deadline(std::chrono::milliseconds from_now) {
  return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(from_now.count(), GPR_TIMESPAN));
}

}  // namespace autonorm::server
