// The pipe of events to the worker agent.
#pragma once
#include <mutex>

#include "core/base/durable_file.h"
#include "worker/control_protocol.h"

namespace autonorm::trainer {

// Thread-safe; each event is one line, whole.
class EventChannel {
 public:
  // Takes over the descriptor.
  explicit EventChannel(int fd) : fd_(fd) {}

  // When the agent has gone there is nobody left to tell, and nothing left to do: the process ends (exit code 0).
  void send(const worker::TrainerEvent& event);

 private:
  const Fd fd_;
  std::mutex mutex_;
};

}  // namespace autonorm::trainer
