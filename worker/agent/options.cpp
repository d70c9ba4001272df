#include "worker/agent/options.h"

#include <CLI/CLI.hpp>
#include <sstream>

#include "core/base/text.h"

namespace autonorm::agent {
namespace {

constexpr const char* kAbout =
    "Runs trials for a coordinator: one slot per rank. Under mpirun each rank is a slot, and CPU ranks of one mpirun "
    "can train\n"
    "a trial together; without mpirun it is one slot.";
constexpr const char* kExamples =
    "Examples:\n"
    "  mpirun -np 8 worker                             8 slots for the coordinator at 127.0.0.1:50551\n"
    "  mpirun -np 8 worker --coordinator head:50551    for one on another machine\n"
    "  worker --device cpu                             one CPU slot, without mpirun\n"
    "Exit status: 0 asked to leave, 1 refused or failed, 2 wrong usage.\n"
    "Environment: AUTONORM_COORDINATOR (address), AUTONORM_STATE (folder; work goes to its work/); flags win.";

}  // namespace

Invocation parse_command_line(int count, const char* const* words,
                              const std::function<std::string(const char*)>& environment) {
  Invocation invocation;
  WorkerOptions& options = invocation.options;
  if (const std::string address = environment("AUTONORM_COORDINATOR"); !address.empty()) options.coordinator = address;
  if (const std::string state = environment("AUTONORM_STATE"); !state.empty())
    options.work_dir = std::filesystem::path(state) / "work";

  CLI::App app(kAbout, "worker");
  app.footer(kExamples);
  app.set_version_flag("--version", AUTONORM_VERSION);
  app.add_option("--coordinator", options.coordinator, "coordinator's HOST:PORT")->capture_default_str();
  app.add_option("--work-dir", options.work_dir, "local folder for attempts; each rank uses rank-<n> below it")
      ->capture_default_str();
  app.add_option("--host", options.host, "name or address at which other workers reach this one");
  app.add_option("--device", options.device, "auto, cpu or cuda")->capture_default_str();
  app.add_option("--trainer", options.trainer, "trainer program (default: beside this program)");
  int64_t grace = options.grace.count();
  app.add_option("--grace", grace, "seconds for checkpoint and delivery after SIGTERM")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--trials-per-trainer", options.trials_per_trainer, "trials before a trainer process is replaced")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_flag("--verbose", options.verbose, "log more");
  try {
    app.parse(count, words);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    invocation.leave_with = app.exit(error, out, err) == 0 ? 0 : 2;
    invocation.text = out.str() + err.str();
  }
  options.grace = std::chrono::seconds(grace);
  const size_t colon = options.coordinator.rfind(':');
  if (!invocation.leave_with && (colon == std::string::npos || colon == 0 || colon + 1 == options.coordinator.size())) {
    invocation.leave_with = 2;
    invocation.text =
        cat("worker: --coordinator ", options.coordinator, " is not HOST:PORT, for example 127.0.0.1:50551\n");
  }
  return invocation;
}

}  // namespace autonorm::agent
