#include "worker/trainer/process_setup.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace autonorm::trainer {
namespace {

constexpr auto kEnvironment = std::to_array<std::pair<const char*, const char*>>({
    {"OMP_NUM_THREADS", "1"},        // one trial per core; a second thread costs more than it brings
    {"OMP_WAIT_POLICY", "passive"},  // spinning at barriers starves the neighbours
    {"MKL_NUM_THREADS", "1"},
    // Activations of megabytes come and go in every step; mapped and unmapped each time, their page faults cost a tenth
    // of it. Memory is given back between trials instead (PeakMemory).
    {"GLIBC_TUNABLES", "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=4294967296:glibc.malloc.top_pad=67108864"},
    {"TORCH_NCCL_ASYNC_ERROR_HANDLING",
     "2"},                                   // a lost peer aborts the communicator and leaves the process to report it
    {"TORCH_NCCL_ENABLE_MONITORING", "0"},   // the worker agent watches; NCCL's own watch would kill the process
    {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"},  // repeatable cuBLAS
});

}  // namespace

Status ensure_environment(char** arguments) {
  bool missing = false;
  for (const auto& [name, value] : kEnvironment) {
    if (std::getenv(name) != nullptr) continue;
    missing = true;
    if (setenv(name, value, 0) != 0) return system_error("setting environment variables", errno);
  }
  if (!missing) return {};
  // By its real path: the process keeps its name in ps.
  const auto program = std::filesystem::read_symlink("/proc/self/exe");
  execv(program.c_str(), arguments);
  return system_error("restarting " + program.string(), errno);
}

Status die_with_parent(pid_t parent) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return system_error("prctl(PR_SET_PDEATHSIG)", errno);
  if (getppid() != parent)
    return conflict("the parent process is ", getppid(), ", not ", parent, ": the worker has gone");
  return {};
}

std::filesystem::path program_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace autonorm::trainer
