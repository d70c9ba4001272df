// Watch: a sweep's counts and running trials, whenever they have changed, until the sweep has ended.
#pragma once
#include <optional>
#include <string>

#include "autonorm/v1/control.pb.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/periodic_stream.h"

namespace autonorm::server {

class WatchStream final : public PeriodicStream<v1::WatchUpdate> {
 public:
  WatchStream(EngineLoop& loop, RequestPool& pool, const v1::WatchRequest& request);

 private:
  Status begin() override;
  Result<Look> look(v1::WatchUpdate& update) override;  // kNotFound when the sweep is gone
  Status take(v1::WatchUpdate& update);

  EngineLoop& loop_;
  const v1::Version client_;
  const std::string selector_;
  std::optional<SweepId> sweep_;
  std::string last_bytes_;  // of the update that was sent last
  int unchanged_looks_ = 0;
};

}  // namespace autonorm::server
