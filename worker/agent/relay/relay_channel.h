// The shared memory and the two eventfds between this worker and one trainer process (worker/relay_protocol.h).
#pragma once
#include <memory>

#include "core/base/durable_file.h"
#include "core/base/status.h"
#include "worker/relay_protocol.h"

namespace autonorm::agent {

class RelayChannel {
 public:
  // kExhausted or kInternal when the system gives no memory or descriptors. All descriptors are close-on-exec; the
  // trainer gets duplicates.
  static Result<std::shared_ptr<RelayChannel>> create();
  ~RelayChannel();
  RelayChannel(const RelayChannel&) = delete;

  worker::RelaySegment& segment() { return *segment_; }
  int memory_fd() const { return memory_.get(); }
  int request_fd() const { return request_.get(); }
  int completion_fd() const { return completion_.get(); }

  // True once per request that the trainer has made since the last call.
  bool take_request();
  // Publishes the answer that lies in the segment and wakes the trainer.
  void complete();

 private:
  RelayChannel() = default;

  Fd memory_, request_, completion_;
  worker::RelaySegment* segment_ = nullptr;
};

}  // namespace autonorm::agent
