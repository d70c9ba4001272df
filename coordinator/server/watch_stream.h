// Watch as a reactor of gRPC's callback API: look at the engine, send what changed, wait half a second, again; until
// the sweep has ended or the client is gone. Deletes itself.
#pragma once
#include <grpcpp/alarm.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "autonorm/v1/control.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/request_pool.h"

namespace autonorm::server {

class WatchStream final : public grpc::ServerWriteReactor<v1::WatchUpdate> {
 public:
  WatchStream(EngineLoop& loop, RequestPool& pool, const v1::WatchRequest& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override { delete this; }

 private:
  // The chain begin → look → (write →) pause → look …; one link at a time, each ending in the next or in Finish.
  void begin();
  void look();
  void pause();
  Status take(v1::WatchUpdate& update);  // kNotFound when the sweep is gone

  EngineLoop& loop_;
  RequestPool& pool_;
  const v1::Version client_;
  const std::string selector_;
  std::optional<SweepId> sweep_;
  v1::WatchUpdate update_;
  std::string last_bytes_;  // of the update that was sent last
  int unchanged_looks_ = 0;
  bool ended_ = false;  // update_ is the last

  std::mutex mutex_;
  std::unique_ptr<grpc::Alarm> alarm_;  // guarded by mutex_; a new one for each pause
  bool cancelled_ = false;              // guarded by mutex_
};

}  // namespace autonorm::server
