// SIGINT, SIGTERM and SIGHUP as a descriptor that becomes, and stays, readable.
#pragma once
#include <memory>

#include "core/base/durable_file.h"

namespace autonorm::cli {

// Made on the main thread before any other thread, which then inherit that these signals are blocked.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  int fd() const { return fd_.get(); }
  void wait() const;
  bool came() const;

 private:
  Fd fd_;
};

// Ends the process when it lives longer than its limit: for shutdowns that hang on a full disk or a stuck connection.
// Safe at any moment, since everything acknowledged is durable already.
class ExitWatchdog {
 public:
  ExitWatchdog();  // 2 s
  ~ExitWatchdog();
  ExitWatchdog(const ExitWatchdog&) = delete;
  ExitWatchdog& operator=(const ExitWatchdog&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace autonorm::cli
