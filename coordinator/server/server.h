// The running coordinator: store, engine loop and both gRPC services on one address.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "coordinator/engine/engine.h"
#include "coordinator/server/artifact_collector.h"
#include "core/base/clock.h"
#include "core/base/status.h"

namespace autonorm::store {
class Store;
}

namespace autonorm::server {

class EngineLoop;
class Transport;

struct ServerOptions {
  std::string listen = "127.0.0.1:50551";  // HOST:PORT; port 0 = any free one
  std::filesystem::path state;             // state directory, created when missing
  std::string secret;                      // random; makes the tokens of this start's attempts unguessable
  int64_t clock_era = 0;                   // the same while steady times are of one clock (engine::EngineOptions)
  engine::Limits limits = {};              // lease, heartbeat, patience
  Retention retention = {};                // of checkpoints and models; applied every 1 to 10 min
};

class Server {
 public:
  // Opens the state directory, starts the engine and listens. Failures name the address or directory and the remedy:
  // port taken or address not ours (kConflict, kInvalid), and those of store::Store::open. `clock` must outlive the
  // server.
  static Result<std::unique_ptr<Server>> start(const ServerOptions& options, const Clock& clock);
  ~Server();  // stop()

  const std::string& address() const;  // HOST:PORT with the port that is bound
  const std::filesystem::path& directory() const;
  EngineLoop& loop();

  // Tells every worker, waits at most half a second until they have read it, then ends all calls. Idempotent.
  void stop();

 private:
  struct Parts;
  explicit Server(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace autonorm::server
