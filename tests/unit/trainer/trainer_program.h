// The real trainer program as a child of a test.
#pragma once
#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "core/base/durable_file.h"
#include "worker/control_protocol.h"
#include "worker/trainer/relay_client.h"

namespace autonorm::trainer {

struct ProgramResult {
  int exit_code = -1;  // 128 + signal when a signal ended it
  std::string out, err;
};
// `trainer ARGUMENTS` to its end, in `folder`, with AUTONORM_DATA unset.
ProgramResult run_trainer(const std::vector<std::string>& arguments, const std::string& folder);

// `trainer serve` with pipes. Ended with SIGKILL, at the latest when this goes away.
class ServedTrainer {
 public:
  explicit ServedTrainer(std::optional<RelayDescriptors> relay = {});
  ~ServedTrainer();

  void send(const worker::Command& command) { send_line(worker::encode(command)); }
  void send_line(const std::string& line);
  // The next event; nullopt: the trainer has closed its pipe, i.e. ended. Fails the test after a minute.
  std::optional<worker::TrainerEvent> next_event();
  // Skips others until an event of this kind comes; fails the test when the trainer ends or the attempt fails first.
  template <class Event>
  Event wait_for() {
    while (auto event = next_event()) {
      if (auto* wanted = std::get_if<Event>(&*event)) return *wanted;
      if (auto* failed = std::get_if<worker::FailedEvent>(&*event))
        throw std::runtime_error(failed->reason + ": " + failed->message);
      seen_.push_back(*event);
    }
    throw std::runtime_error("the trainer has ended");
  }
  const std::vector<worker::TrainerEvent>& skipped() const { return seen_; }
  void close_commands() { commands_.reset(); }
  // Its exit status as in ProgramResult; waits.
  int wait();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  Fd commands_, events_;
  std::string pending_;
  std::vector<worker::TrainerEvent> seen_;
};

}  // namespace autonorm::trainer
