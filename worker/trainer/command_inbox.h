// The pipe of commands from the worker agent, read by a thread of its own so that a stop is seen in the middle of a
// trial.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <variant>

#include "core/base/durable_file.h"
#include "worker/control_protocol.h"

namespace autonorm::trainer {

// Thread-safe.
class CommandInbox {
 public:
  // Called on the reading thread with the kind of each stop, and with nullopt when a trial arrives: no stop is asked
  // yet.
  using StopHandler = std::function<void(std::optional<worker::StopKind>)>;

  // Takes over the descriptor. The thread lives until the process ends: when the agent closes the pipe, or says
  // something that is no command, the process ends (exit code 0 or 1).
  CommandInbox(int fd, StopHandler on_stop);
  CommandInbox(const CommandInbox&) = delete;

  // Waits for the next trial; nullopt: the agent said exit.
  std::optional<worker::RunCommand> next_run();
  // Waits for the endpoint of the gang's leader; nullopt: a stop came first.
  std::optional<std::string> wait_for_join();
  bool stop_asked() const;

 private:
  void read_commands();
  void take(const worker::Command& command);

  const Fd fd_;
  const StopHandler on_stop_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // guarded by mutex_; endpoint and stop are those of the latest trial
  std::deque<std::variant<worker::RunCommand, worker::ExitCommand>> queue_;
  std::optional<std::string> endpoint_;
  bool stop_asked_ = false;
};

}  // namespace autonorm::trainer
