#include "coordinator/cli/exit_codes.h"
#include "coordinator/cli/stop_signal.h"
#include "coordinator/cli/verbs.h"
#include "coordinator/server/engine_loop.h"
#include "coordinator/server/server.h"
#include "coordinator/server/version.h"
#include "core/base/log.h"

namespace autonorm::cli {

int serve(const Serve& options, Environment& environment) {
  const StopSignal stop;
  const auto server = server::Server::start(
      {.listen = options.listen, .state = options.state, .secret = environment.random_key()}, environment.clock);
  if (!server.ok()) return fail(environment, server.status());
  environment.out << "coordinator " << server::kBuildVersion << " listening on " << (*server)->address()
                  << ", state in " << (*server)->directory().string() << ", start " << (*server)->loop().epoch()
                  << std::endl;
  stop.wait();
  log_info("stopping: telling the workers");
  const ExitWatchdog watchdog;
  (*server)->stop();
  log_info("stopped; the state is in ", (*server)->directory().string());
  return kOk;
}

}  // namespace autonorm::cli
