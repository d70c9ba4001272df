#include "coordinator/cli/local_workers.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <sstream>

#include "core/base/text.h"

extern char** environ;

namespace autonorm::cli {
namespace {

constexpr size_t kTailBytes = 2000;

std::string find_program(const std::string& name, const std::string& search_path) {
  std::stringstream folders(search_path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const std::string candidate = (folder.empty() ? "." : folder) + "/" + name;
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

// This process's environment; root also needs Open MPI's two confirmations.
std::vector<std::string> child_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
  if (geteuid() == 0) {
    variables.emplace_back("OMPI_ALLOW_RUN_AS_ROOT=1");
    variables.emplace_back("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1");
  }
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (auto& text : texts) list.push_back(text.data());
  list.push_back(nullptr);
  return list;
}

// In the child between fork and exec: only async-signal-safe calls. A process group of its own, so that Ctrl-C reaches
// the coordinator alone, which then ends the workers in order.
[[noreturn]] void become(char* const* arguments, char* const* variables, int log, int nothing, pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(127);  // the parent died before prctl
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(nothing, STDIN_FILENO);
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execve(arguments[0], arguments, variables);
  _exit(127);
}

// The workers' own logs are bounded by themselves; what mpirun adds is cut at each start.
void drop_large_log(const std::filesystem::path& log) {
  constexpr uintmax_t kMaxBytes = 10 << 20;
  std::error_code error;
  if (std::filesystem::file_size(log, error) < kMaxBytes || error) return;
  std::filesystem::rename(log, log.parent_path() / "workers.1.log", error);
}

std::string describe(int wait_status) {
  if (WIFSIGNALED(wait_status)) return cat("was ended by signal ", WTERMSIG(wait_status));
  return cat("ended with exit code ", WEXITSTATUS(wait_status));
}

}  // namespace

Result<std::vector<std::string>> worker_command(const LocalWorkersPlan& plan) {
  if (access(plan.worker.c_str(), X_OK) != 0) {
    return not_found("the worker program is missing: ", plan.worker.string(), "\nbuild it: deploy/build");
  }
  const std::vector<std::string> worker{plan.worker, "--coordinator", plan.coordinator, "--work-dir", plan.work_folder};
  const std::string mpirun = find_program("mpirun", plan.search_path);
  if (mpirun.empty() && plan.count == 1) return worker;
  if (mpirun.empty()) {
    return not_found("mpirun is not on PATH; ", plan.count,
                     " workers need it\ninstall it: deploy/setup (or apt-get install ",
                     "openmpi-bin), or use --workers 1");
  }
  // Ranks outlive a lost one; more ranks than cores are fine; no rank is tied to one core.
  std::vector<std::string> command{mpirun,
                                   "-np",
                                   std::to_string(plan.count),
                                   "--oversubscribe",
                                   "--bind-to",
                                   "none",
                                   "--mca",
                                   "orte_enable_recovery",
                                   "1"};
  command.insert(command.end(), worker.begin(), worker.end());
  return command;
}

Result<std::unique_ptr<LocalWorkers>> LocalWorkers::start(const LocalWorkersPlan& plan) {
  auto command = worker_command(plan);
  if (!command.ok()) return command.status();
  std::error_code error;
  std::filesystem::create_directories(plan.work_folder, error);
  if (error) return system_error("creating " + plan.work_folder.string(), error.value());
  const auto log_path = plan.work_folder / "workers.log";
  drop_large_log(log_path);
  const Fd log(open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return system_error("opening " + log_path.string(), errno);
  const Fd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto variables = child_environment();
  const auto argument_list = pointers(*command);
  const auto variable_list = pointers(variables);
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) return system_error("starting workers", errno);
  if (pid == 0) become(argument_list.data(), variable_list.data(), log.get(), nothing.get(), parent);
  Fd pidfd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  return std::unique_ptr<LocalWorkers>(new LocalWorkers(pid, std::move(pidfd), log_path));
}

LocalWorkers::LocalWorkers(pid_t pid, Fd pidfd, std::filesystem::path log)
    : pid_(pid), pidfd_(std::move(pidfd)), log_(std::move(log)) {}

LocalWorkers::~LocalWorkers() { stop(); }

bool LocalWorkers::running() {
  if (pid_ == 0) return false;
  int status = 0;
  if (waitpid(pid_, &status, WNOHANG) != pid_) return true;
  ending_ = describe(status);
  pid_ = 0;
  return false;
}

void LocalWorkers::stop(std::chrono::milliseconds patience) {
  if (!running()) return;
  kill(pid_, SIGTERM);
  pollfd ended{pidfd_.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(patience.count())) <= 0) kill(-pid_, SIGKILL);
  int status = 0;
  waitpid(pid_, &status, 0);
  ending_ = describe(status);
  pid_ = 0;
}

std::string LocalWorkers::log_tail() const {
  const auto text = read_file(log_);
  if (!text.ok()) return cat("(", text.status().message(), ")");
  return text->size() <= kTailBytes ? *text : "…" + text->substr(text->size() - kTailBytes);
}

}  // namespace autonorm::cli
