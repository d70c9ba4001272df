#include <chrono>
#include <limits>
#include <optional>

#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/stop_signal.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/server.h"
#include "coordinator/server/version.h"
#include "core/base/log.h"

namespace autonorm::cli {
namespace {

std::chrono::milliseconds to_ms(double seconds) {
  return std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

engine::Limits limits(const Serve& options) {
  engine::Limits limits;
  limits.lease = to_ms(options.lease_s);
  limits.heartbeat = to_ms(options.heartbeat_s);
  limits.quarantine_crashes =
      options.quarantine_crashes > 0 ? options.quarantine_crashes : std::numeric_limits<int>::max();
  return limits;
}

}  // namespace

int serve(const Serve& options, Environment& environment) {
  const StopSignal stop;
  std::optional<ExitWatchdog> watchdog;  // outlives the server, whose end it watches, too
  const auto server = server::Server::start(
      {.listen = options.listen,
       .state = options.state,
       .secret = environment.random_key(),
       .clock_era = environment.clock_era,
       .limits = limits(options),
       .retention = {.keep_checkpoints = options.keep_checkpoints,
                     .max_bytes = static_cast<int64_t>(options.max_artifact_gib * (int64_t{1} << 30))}},
      environment.clock);
  if (!server.ok()) return fail(environment, server.status());
  if (environment.log_to) environment.log_to((*server)->directory());
  log_info("start ", (*server)->loop().epoch(), " at ", (*server)->address());
  environment.out << "coordinator " << server::kBuildVersion << " listening on " << (*server)->address()
                  << ", state in " << (*server)->directory().string() << ", start " << (*server)->loop().epoch()
                  << std::endl;
  stop.wait();
  log_info("stopping: telling the workers");
  watchdog.emplace();
  (*server)->stop();
  log_info("stopped; the state is in ", (*server)->directory().string());
  return kOk;
}

}  // namespace autonorm::cli
