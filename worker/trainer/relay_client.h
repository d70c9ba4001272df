// The trainer's end of worker/relay_protocol.h: collectives on raw memory through the worker agent. No tensor library.
#pragma once
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "core/base/durable_file.h"
#include "core/base/status.h"
#include "worker/relay_protocol.h"

namespace autonorm::trainer {

// Descriptors inherited from the agent.
struct RelayDescriptors {
  int segment = -1;
  int request = -1;
  int completion = -1;
};

// Calls block until the agent has answered and are made by one thread. Every collective is called by all ranks in the
// same order with the same count, so that they cut large payloads at the same places. kUnavailable: aborted or timed
// out, with the agent's reason; the gang is then lost and every later call fails the same way. kInternal: the ranks or
// the agent disagree.
class RelayClient {
 public:
  // Takes over the descriptors. kInvalid or kConflict when they are no relay segment of this version.
  static Result<std::unique_ptr<RelayClient>> attach(const RelayDescriptors& descriptors);
  ~RelayClient();
  RelayClient(const RelayClient&) = delete;

  // Before the first collective of an attempt: requests are numbered from 1 again.
  void begin_attempt();
  // Of one request; 0 = the agent's default.
  void set_deadline(std::chrono::milliseconds deadline) { deadline_ = deadline; }

  Status all_reduce_sum(worker::RelayDtype dtype, void* data, size_t count);       // in place
  Status broadcast(worker::RelayDtype dtype, void* data, size_t count, int root);  // in place
  // `out` holds size × count elements, those of rank r at r × count.
  Status all_gather(worker::RelayDtype dtype, const void* data, size_t count, void* out, int size);
  Status barrier();

 private:
  RelayClient(worker::RelaySegment* segment, Fd memory, Fd request, Fd completion);
  Status perform(worker::RelayOp op, worker::RelayDtype dtype, size_t count, int root);
  Status wait_for_completion();

  worker::RelaySegment* const segment_;
  const Fd memory_, request_, completion_;
  uint64_t sequence_ = 0;
  std::chrono::milliseconds deadline_{0};
};

}  // namespace autonorm::trainer
