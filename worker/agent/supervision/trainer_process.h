// One trainer process: its start, its two pipes of JSON lines, its output, its exit. Mechanism only; when to kill it
// and what its end means is decided by trainer_supervisor.h. Used from the main thread alone, because the trainer asks
// the kernel to end it together with the *thread* that started it.
#pragma once
#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/durable_file.h"
#include "core/base/status.h"
#include "worker/agent/relay/relay_channel.h"
#include "worker/control_protocol.h"

namespace autonorm::agent {

struct TrainerExit {
  int code = 0;    // when it left by itself
  int signal = 0;  // when a signal ended it; 0 = none
};

class TrainerProcess {
 public:
  // Starts PROGRAM serve --parent … in a process group of its own, without MPI's variables in its environment and with
  // no other descriptor of this process. `environment`: as environ.
  static Result<std::unique_ptr<TrainerProcess>> start(const std::filesystem::path& program,
                                                       const char* const* environment);
  // SIGKILLs what still runs and waits for it.
  ~TrainerProcess();
  TrainerProcess(const TrainerProcess&) = delete;

  pid_t pid() const { return pid_; }
  const std::shared_ptr<RelayChannel>& relay() const { return relay_; }

  // Queues a command and writes what the pipe takes. A trainer that has gone does not matter here: its exit is noticed.
  void send(const worker::Command& command);
  // Descriptors that become readable when there is something to read() or the process has ended.
  std::vector<int> descriptors() const;
  // Complete lines that have come since the last call; flushes queued commands. kInvalid once a line is beyond all
  // bounds.
  Result<std::vector<std::string>> read_lines();
  // What it has printed since the last call.
  std::string read_output();

  void kill();  // SIGKILL to the whole process group
  // The exit, once it has happened and been collected.
  std::optional<TrainerExit> poll_exit();
  // Resident memory; 0 when unknown.
  int64_t resident_bytes() const;

 private:
  TrainerProcess() = default;
  Status spawn(const std::filesystem::path& program, const char* const* environment);
  void flush();

  pid_t pid_ = -1;
  Fd pidfd_, commands_, events_, output_;
  std::shared_ptr<RelayChannel> relay_;
  std::string unsent_, unread_;
  std::optional<TrainerExit> exit_;
};

}  // namespace autonorm::agent
