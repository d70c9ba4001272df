// worker: one rank. Wires the parts and runs the main loop; the only place that reads clock, environment and random
// device.
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "core/base/bounded_log.h"
#include "core/base/failpoint.h"
#include "core/base/log.h"
#include "worker/agent/agent.h"
#include "worker/agent/delivery/session_client.h"
#include "worker/agent/device_inventory.h"
#include "worker/agent/local_address.h"
#include "worker/agent/options.h"
#include "worker/agent/relay/mpi_world.h"

namespace autonorm::agent {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string fresh_id() {
  std::array<unsigned char, 16> bytes{};
  AUTONORM_CHECK(getrandom(bytes.data(), bytes.size(), 0) == std::ssize(bytes), "the kernel gives no random bytes");
  return to_hex(bytes);
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "unknown";
}

void set_up_log(const std::string& prefix, bool verbose, const std::shared_ptr<BoundedLog>& files) {
  auto logger = spdlog::stderr_color_mt("worker");
  logger->set_pattern("%Y-%m-%d %H:%M:%S.%e %^%l%$ " + prefix + "%v");
  logger->set_level(verbose ? spdlog::level::debug : spdlog::level::info);
  set_log_sink([logger, files](LogLevel level, const std::string& text) {
    constexpr std::array kLevels{spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
    logger->log(kLevels[static_cast<size_t>(level)], "{}", text);
    files->write(level, text);
  });
}

// From here on SIGTERM and SIGINT are read by the main loop; threads that start later inherit the mask.
int block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

std::filesystem::path trainer_program(const WorkerOptions& options) {
  if (!options.trainer.empty()) return std::filesystem::absolute(options.trainer);
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "trainer";
}

void describe_world(const WorldFacts& world) {
  if (world.rank != 0) return;
  if (!world.launched) {
    log_info("started without mpirun: one slot. For more, and for CPU trials of several ranks: mpirun -np N worker");
  } else if (world.size > 1 && !world.recovery) {
    log_warning(
        "MPI recovery is off: when one rank is lost, mpirun ends all of them. Start workers with "
        "./deploy/local/workers ",
        world.size, ", or put orte_enable_recovery = 1 into ~/.openmpi/mca-params.conf (./deploy/setup offers to)");
  }
}

int fail(const Status& status) {
  log_error(status.message());
  return 1;
}

fleet::Hello describe(const WorkerOptions& options, const WorldFacts& world, const WorkDir& dir,
                      const fleet::Device& device) {
  fleet::Hello hello;
  hello.worker = dir.worker();
  hello.incarnation = dir.incarnation();
  hello.mpi_world = world.id;
  hello.mpi_rank = world.rank;
  hello.mpi_size = world.size;
  hello.host = host_name();
  hello.address = options.host;
  hello.pid = getpid();
  hello.device = device;
  hello.build = AUTONORM_VERSION;
  hello.recovery = world.recovery;
  return hello;
}

int serve(const WorkerOptions& options, MpiWorld& mpi, const Clock& clock, BoundedLog& files, int signals) {
  const WorldFacts& world = mpi.facts();
  const auto gpus = options.device == "cpu" ? std::vector<Gpu>() : find_gpus(variable("CUDA_VISIBLE_DEVICES"));
  const auto device = choose_device(options.device, world.local_rank, world.local_size, gpus, cpu_name());
  if (!device.ok()) return world.local_rank == 0 ? fail(device.status()) : 1;
  const auto trainer = trainer_program(options);
  if (access(trainer.c_str(), X_OK) != 0) {
    return fail(
        not_found("there is no trainer program at ", trainer.string(), "; build it, or name it with --trainer PATH"));
  }
  auto dir = WorkDir::open(options.work_dir, world.rank, fresh_id());
  if (!dir.ok()) return fail(dir.status());
  files.open(dir->path() / "worker.log");

  const auto transport = make_artifact_client(options.coordinator);
  ArtifactMover mover(*transport);
  const auto link = make_session_client(options.coordinator);
  RelayService relay([&mpi] { return mpi.make_fabric(); }, clock);
  TrainerSupervisor supervisor(
      {.program = trainer, .environment = environ, .max_trials = options.trials_per_trainer, .group_memory = [] {
         return read_group_memory();
       }});
  Agent agent({.hello = describe(options, world, *dir, *device),
               .coordinator = options.coordinator,
               .listen_host = options.host.empty() ? source_address_towards(options.coordinator) : options.host,
               .grace = options.grace},
              {*dir, *link, mover, relay, supervisor, clock});
  log_info("worker ", dir->worker(), " on ", device->name,
           device->kind == "cuda" ? cat(" (GPU ", device->index, ")") : "", ", work in ", dir->path().string());
  return agent.run(signals);
}

// MPI_Finalize waits for ranks that may never come; a worker that is done does not.
void leave_without_waiting(int) { _exit(0); }

int run(const WorkerOptions& options, const Clock& clock) {
  if (const Status armed = arm_failpoint(variable("AUTONORM_FAILPOINT")); !armed.ok()) return fail(armed);
  const int signals = block_signals();
  const bool launched = !variable("OMPI_COMM_WORLD_SIZE").empty() || !variable("PMIX_RANK").empty();
  auto world = MpiWorld::start(fresh_id(), launched);
  if (!world.ok()) return fail(world.status());
  const WorldFacts& facts = (*world)->facts();
  const auto files = std::make_shared<BoundedLog>(clock);
  set_up_log(facts.size > 1 ? cat("[rank ", facts.rank, "] ") : "", options.verbose, files);
  describe_world(facts);
  const int status = serve(options, **world, clock, *files, signals);
  std::signal(SIGALRM, leave_without_waiting);
  alarm(3);
  if (status != 0) _exit(status);
  return status;
}

}  // namespace
}  // namespace autonorm::agent

int main(int count, char** words) {
  using namespace autonorm::agent;
  const Invocation invocation = parse_command_line(count, words, variable);
  if (invocation.leave_with) {
    std::fputs(invocation.text.c_str(), *invocation.leave_with == 0 ? stdout : stderr);
    return *invocation.leave_with;
  }
  const autonorm::SystemClock clock;  // outlives the log, which stamps its lines with it
  try {
    return run(invocation.options, clock);
  } catch (const std::exception& error) {
    autonorm::log_error("the worker ends: ", error.what());
    return 1;
  }
}
