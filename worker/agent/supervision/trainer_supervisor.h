// Keeps one slot's trainer: starts it, reuses it for the next trial while it is healthy, watches it, and says how each
// attempt ended. An attempt ends once (Ended); the slot is free only when the trainer is idle or its exit has been
// collected.
//
// Watches (on a clock that stops while this process is stopped, so that a resumed worker does not blame its trainer):
//   no line for tick_timeout after its first tick  → stalled ("gave no sign of life"). Before that it may be loading
//     LibTorch on a busy machine: start_timeout is the limit
//   not ready within start_timeout                 → stalled
//   no new step for stall_timeout, outside the phases evaluating, checkpointing, loading, starting → stalled; not for a
//     rank of a gang, which may wait for one that evaluates: the coordinator sees all ranks and judges
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/messages/fleet.h"
#include "worker/agent/supervision/group_memory.h"
#include "worker/agent/supervision/log_file.h"
#include "worker/agent/supervision/trainer_process.h"

namespace autonorm::agent {

struct SupervisorOptions {
  std::filesystem::path program;
  const char* const* environment = nullptr;
  std::chrono::milliseconds tick_timeout{5000};
  std::chrono::milliseconds exit_timeout{5000};  // from `exit` to SIGKILL
  int max_trials = 200;                          // of one process
  int64_t max_growth_bytes = int64_t{1} << 30;   // of its idle memory since its first trial
  std::function<GroupMemory()> group_memory;     // of the control group that the trainers share with the worker
};

struct TrialRun {
  worker::RunCommand command;
  std::chrono::milliseconds start_timeout{120'000};
  std::chrono::milliseconds stall_timeout{600'000};
};

// The end of an attempt as its trainer or its supervisor saw it.
using Ended = std::variant<worker::FinishedEvent, worker::StoppedEvent, fleet::Failed>;
// Ready, metrics, checkpoints and log lines pass through; hello and ticks are kept here.
using SupervisorEvent = std::variant<worker::ReadyEvent, worker::MetricsEvent, worker::NormStatEvent,
                                     worker::CheckpointEvent, worker::LogEvent, Ended>;

class TrainerSupervisor {
 public:
  explicit TrainerSupervisor(SupervisorOptions options);

  // Requires slot_free(). The failure is that of starting a process; the slot stays free.
  Status start(TrialRun run, SteadyTime now);
  void join(const std::string& endpoint);
  void stop_at_checkpoint();
  // Ends the attempt with this failure, if it has not ended, and kills the trainer.
  void kill(fleet::Failed why);
  // Asks an idle trainer to leave.
  void retire(SteadyTime now);

  // Reads what has come and checks the watches. Call when a descriptor is readable and at least every 500 ms.
  std::vector<SupervisorEvent> advance(SteadyTime now);
  std::vector<int> descriptors() const;

  bool running() const { return run_.has_value(); }
  bool slot_free() const { return !run_ && (!process_ || (idle_ && !leaving_)); }
  bool has_process() const { return process_ != nullptr; }
  std::shared_ptr<RelayChannel> relay() const { return process_ ? process_->relay() : nullptr; }
  // Of the attempt that runs; the key is left to the caller.
  fleet::AttemptProgress progress() const;
  // Of the latest attempt; whole once the slot is free.
  fleet::LastWords last_words() const;
  const std::string& torch() const { return torch_; }  // "2.11.0, AVX2" once a trainer has said hello

 private:
  using Duration = std::chrono::steady_clock::duration;
  void take_line(const std::string& line, std::vector<SupervisorEvent>& out);
  void take(worker::HelloEvent event, std::vector<SupervisorEvent>& out);
  void take(const worker::TickEvent& event);
  void watch(std::vector<SupervisorEvent>& out);
  void collect_exit(std::vector<SupervisorEvent>& out);
  void become_idle();
  void end(Ended ended, std::vector<SupervisorEvent>& out);
  fleet::Failed failure(EndReason reason, const std::string& message) const;
  fleet::Failed describe(const TrainerExit& exit) const;
  void sample_memory();
  std::string who() const;

  const SupervisorOptions options_;
  std::unique_ptr<TrainerProcess> process_;
  bool greeted_ = false;  // its hello has come
  bool idle_ = false;     // alive, between trials
  bool leaving_ = false;  // told to exit, or killed
  int trials_ = 0;        // given to this process
  int64_t first_idle_bytes_ = 0;
  int64_t oom_kills_at_start_ = 0;
  int64_t resident_bytes_ = 0;  // when last looked at; a dead process has none
  std::string torch_;

  std::optional<TrialRun> run_;
  std::optional<LogFile> log_;            // of the latest attempt, also while its trainer dies
  std::vector<SupervisorEvent> pending_;  // of calls between two advance()s
  bool ready_ = false;
  bool ticks_ = false;  // it has ticked or joined: from then on silence means something
  worker::TickEvent tick_;

  std::optional<SteadyTime> last_now_;
  Duration time_{};  // the watches' clock
  Duration started_{}, sign_of_life_{}, stepped_{}, leave_by_{};
};

}  // namespace autonorm::agent
