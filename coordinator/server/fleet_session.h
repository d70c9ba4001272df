// One worker's connection: Fleet.Session as a reactor of gRPC's callback API.
//
// Incoming messages are decoded and posted to the engine in their order; outgoing ones wait in a bounded queue, one
// write at a time. The reactor deletes itself once gRPC is done with it. Its callbacks come from gRPC's threads, send()
// and close() from the engine's.
#pragma once
#include <grpcpp/support/server_callback.h>

#include <deque>
#include <mutex>
#include <string>

#include "autonorm/v1/fleet.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/session_registry.h"

namespace autonorm::server {

inline constexpr size_t kMaxQueuedMessages = 4096;  // per session; beyond it the session is closed

class FleetSession final : public grpc::ServerBidiReactor<v1::WorkerMessage, v1::CoordinatorMessage>,
                           public OutgoingStream {
 public:
  // `loop` and `registry` must outlive the session. `peer` as gRPC names it, e.g. "ipv4:10.0.0.7:41234".
  FleetSession(EngineLoop& loop, SessionRegistry& registry, const std::string& peer);

  void send(const fleet::ToWorker& message) override;
  void close() override;

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  void receive(fleet::ToCoordinator message);
  void end(grpc::Status status);  // stop reading; finish once everything queued is written
  void write_or_finish();         // requires mutex_
  void report_closed();

  EngineLoop& loop_;
  SessionRegistry& registry_;
  const std::string peer_address_;  // without scheme and port; what peers of a gang can connect to
  const SessionId id_;
  v1::WorkerMessage incoming_;  // gRPC's between StartRead and OnReadDone
  bool greeted_ = false;        // only touched by OnReadDone, which gRPC calls one at a time
  bool closed_ = false;         // SessionClosed was posted; likewise, and by OnDone

  std::mutex mutex_;
  std::deque<v1::CoordinatorMessage> queue_;  // guarded by mutex_, as all below
  v1::CoordinatorMessage outgoing_;           // gRPC's while writing_
  bool writing_ = false;
  bool ending_ = false;
  bool broken_ = false;  // writing failed: what is queued cannot be delivered
  bool finished_ = false;
  grpc::Status status_;
};

// "ipv4:10.0.0.7:41234" → "10.0.0.7", "ipv6:%5B::1%5D:5" → "::1"; other forms → "".
std::string address_of_peer(const std::string& peer);

}  // namespace autonorm::server
