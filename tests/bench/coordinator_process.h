// A `coordinator serve` of this build as a child process, measured from outside.
#pragma once
#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "coordinator/cli/control_client.h"
#include "core/base/durable_file.h"

namespace autonorm::bench {

// Bytes of memory, from /proc/PID/status.
struct Memory {
  double now = 0, peak = 0;
};

class CoordinatorProcess {
 public:
  // Starts it and waits until it has said where it listens. Throws when it does not.
  CoordinatorProcess(const std::filesystem::path& program, const std::filesystem::path& state);
  ~CoordinatorProcess();  // kill -9, as a crash would
  CoordinatorProcess(const CoordinatorProcess&) = delete;
  CoordinatorProcess& operator=(const CoordinatorProcess&) = delete;

  const std::string& address() const { return address_; }
  std::unique_ptr<cli::ControlClient> client() const;  // throws when nobody answers
  Memory memory() const;
  std::chrono::duration<double> cpu_time() const;  // user and system, of all its threads

 private:
  pid_t pid_ = 0;
  Fd output_;
  std::string address_;
};

}  // namespace autonorm::bench
