// The connected workers' sessions by id: where the engine's messages go.
#pragma once
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "coordinator/server/engine_loop.h"
#include "core/base/ids.h"

namespace autonorm::server {

// One connection's outgoing side. Neither call blocks.
class OutgoingStream {
 public:
  virtual ~OutgoingStream() = default;
  // In order. A stream whose queue is full closes itself: the worker re-attaches and its Hello restores everything.
  virtual void send(const fleet::ToWorker& message) = 0;
  virtual void close() = 0;  // after what was sent
};

// Thread-safe.
class SessionRegistry final : public Transport {
 public:
  SessionId add(OutgoingStream& stream);  // until remove(); ids are 1, 2, …
  void remove(SessionId session);         // afterwards the stream is not called any more

  void send(SessionId session, const fleet::ToWorker& message) override;  // dropped when the session is gone
  void close(SessionId session) override;
  void close_all();
  // Waits until no session is left; false when some still are at the deadline.
  bool wait_empty(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable removed_;
  std::map<SessionId, OutgoingStream*> streams_;  // guarded by mutex_
  int64_t last_ = 0;                              // guarded by mutex_
};

}  // namespace autonorm::server
