// A coordinator in this process, reached over real gRPC on loopback, for programs that load it.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "autonorm/v1/control.grpc.pb.h"
#include "coordinator/engine/engine.h"
#include "coordinator/server/server.h"
#include "coordinator/server/version.h"
#include "core/messages/trial_state.h"
#include "tests/support/temporary_folder.h"

namespace autonorm::soak {

class LoadedServer {
 public:
  LoadedServer();  // throws std::runtime_error when it cannot start

  const std::string& address() const { return server_->address(); }
  const std::filesystem::path& directory() const { return server_->directory(); }
  std::unique_ptr<v1::Control::Stub> stub() const;
  // New trials as one sweep of so many cells, an even number that divides them; the seeds of a cell are the rest.
  // Throws when refused.
  void submit(int64_t trials, int64_t cells = 2) const;
  int64_t trials_in(TrialState state) const;  // of all sweeps
  server::EngineLoop& loop() { return server_->loop(); }

 private:
  testing::TemporaryFolder folder_;
  SystemClock clock_;
  std::unique_ptr<server::Server> server_;
};

// A request with this release's version in it.
template <class Request>
Request request() {
  Request request;
  request.mutable_client()->set_protocol(server::kControlProtocol);
  request.mutable_client()->set_build("soak");
  return request;
}

// Until `condition` holds; false when it did not within `limit`.
bool wait_until(const std::function<bool()>& condition, std::chrono::seconds limit);

}  // namespace autonorm::soak
