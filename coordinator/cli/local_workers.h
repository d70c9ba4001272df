// The workers of `coordinator run`: one child process, mpirun or a single worker, that ends with this process.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/base/durable_file.h"
#include "core/base/status.h"

namespace autonorm::cli {

struct LocalWorkersPlan {
  int count = 1;
  std::string coordinator;            // address
  std::filesystem::path worker;       // program
  std::filesystem::path work_folder;  // created; workers.log gets the output
  std::string search_path;            // PATH, for mpirun
};

// The command line that starts them: mpirun with the settings that small and shared machines need, or the worker itself
// when one is enough and there is no mpirun. kNotFound with the remedy when a program is missing.
Result<std::vector<std::string>> worker_command(const LocalWorkersPlan& plan);

// Not thread-safe. Started and destroyed on the main thread: the child gets SIGTERM when the starting thread ends.
class LocalWorkers {
 public:
  static Result<std::unique_ptr<LocalWorkers>> start(const LocalWorkersPlan& plan);
  ~LocalWorkers();  // stop()

  bool running();  // false once the child has ended; then ending() says how
  const std::string& ending() const { return ending_; }
  // SIGTERM, and SIGKILL to its process group when it is still there after `patience`.
  void stop(std::chrono::milliseconds patience = std::chrono::seconds(3));
  const std::filesystem::path& log() const { return log_; }
  std::string log_tail() const;  // the last lines

 private:
  LocalWorkers(pid_t pid, Fd pidfd, std::filesystem::path log);

  pid_t pid_;  // 0 once reaped
  Fd pidfd_;
  std::filesystem::path log_;
  std::string ending_;
};

}  // namespace autonorm::cli
