// A coordinator in this process on a free port, with a state directory of its own.
#pragma once
#include <memory>
#include <string>

#include "coordinator/cli/control_client.h"
#include "coordinator/server/server.h"
#include "core/config/sweep.h"
#include "tests/unit/server/temporary_folder.h"

namespace autonorm {

class RunningServer {
 public:
  RunningServer();

  // After stop(), on the same state directory; on a new port, unless `listen` names one.
  void start(const std::string& listen = "127.0.0.1:0");
  void stop() { server_.reset(); }
  server::Server& server() { return *server_; }
  const std::string& address() const { return server_->address(); }
  const std::filesystem::path& state() const { return folder_.path(); }
  // A new connection; fails the test when nobody answers.
  std::unique_ptr<cli::ControlClient> client() const;

 private:
  const TemporaryFolder folder_;
  const SystemClock clock_;
  std::unique_ptr<server::Server> server_;
};

// A sweep of one-rank trials on the digits: LayerNorm (baseline) and RMSNorm, `seeds` each.
config::SweepSource small_sweep(int seeds = 1, const std::string& name = "small", int ranks = 1);

}  // namespace autonorm
