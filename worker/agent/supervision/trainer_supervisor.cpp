#include "worker/agent/supervision/trainer_supervisor.h"

#include <csignal>
#include <cstring>
#include <limits>

#include "core/base/log.h"
#include "core/base/signal_name.h"

namespace autonorm::agent {

using namespace std::chrono_literals;

namespace {

// The longest step that the watches' clock takes at once; advance() is called at least every 500 ms.
constexpr auto kLongestGap = 1s;

bool may_take_long(const std::string& phase) {
  return phase == "evaluating" || phase == "checkpointing" || phase == "loading" || phase == "starting";
}

int64_t whole_seconds(std::chrono::milliseconds time) { return time.count() / 1000; }

}  // namespace

TrainerSupervisor::TrainerSupervisor(SupervisorOptions options) : options_(std::move(options)) {
  AUTONORM_CHECK(options_.environment != nullptr && options_.group_memory, "environment and memory are needed");
}

Status TrainerSupervisor::start(TrialRun run, SteadyTime now) {
  AUTONORM_CHECK(slot_free(), "the slot is busy");
  advance(now);  // a warm trainer may have died unnoticed
  if (!process_) {
    auto process = TrainerProcess::start(options_.program, options_.environment);
    if (!process.ok()) return process.status();
    process_ = *std::move(process);
    greeted_ = false;
    trials_ = 0;
    first_idle_bytes_ = 0;
  }
  idle_ = leaving_ = ready_ = ticks_ = false;
  ++trials_;
  oom_kills_at_start_ = options_.group_memory().oom_kills;
  resident_bytes_ = 0;
  tick_ = {.phase = "starting", .loss = std::numeric_limits<double>::quiet_NaN()};
  started_ = sign_of_life_ = stepped_ = time_;
  log_.emplace(run.command.directory);
  run_ = std::move(run);
  process_->send(run_->command);
  return {};
}

void TrainerSupervisor::join(const std::string& endpoint) {
  if (run_ && process_) process_->send(worker::JoinCommand{endpoint});
}

void TrainerSupervisor::stop_at_checkpoint() {
  if (run_ && process_) process_->send(worker::StopCommand{worker::StopKind::kCheckpoint});
}

void TrainerSupervisor::kill(fleet::Failed why) {
  if (run_) end(std::move(why), pending_);
  if (process_) process_->kill();
  leaving_ = true;
}

void TrainerSupervisor::retire(SteadyTime) {
  if (!process_ || leaving_ || run_) return;
  process_->send(worker::ExitCommand{});
  leaving_ = true;
  leave_by_ = time_ + options_.exit_timeout;
}

std::vector<int> TrainerSupervisor::descriptors() const {
  return process_ ? process_->descriptors() : std::vector<int>();
}

std::vector<SupervisorEvent> TrainerSupervisor::advance(SteadyTime now) {
  if (last_now_ && now > *last_now_) time_ += std::min<Duration>(now - *last_now_, kLongestGap);
  last_now_ = now;
  std::vector<SupervisorEvent> out;
  out.swap(pending_);
  if (!process_) return out;

  sample_memory();
  // The exit is collected before the last lines are read, so that none can come after them.
  const bool exited = process_->poll_exit().has_value();
  for (std::string text = process_->read_output(); !text.empty();
       text = exited ? process_->read_output() : std::string()) {
    if (log_) log_->write(text);
  }
  auto lines = process_->read_lines();
  if (lines.ok()) {
    for (const std::string& line : *lines) take_line(line, out);
  } else if (run_) {
    end(failure(EndReason::kTrainerCrashed, lines.status().message()), out);
  }
  if (exited) {
    collect_exit(out);
  } else {
    watch(out);
  }
  return out;
}

void TrainerSupervisor::take_line(const std::string& line, std::vector<SupervisorEvent>& out) {
  sign_of_life_ = time_;
  auto decoded = worker::decode_event(line);
  if (!decoded.ok()) {
    log_warning("trainer ", process_->pid(), ": ", decoded.status().message());
    if (run_) end(failure(EndReason::kTrainerCrashed, decoded.status().message()), out);
    return;
  }
  std::visit(
      [&](auto& event) {
        using Event = std::decay_t<decltype(event)>;
        if constexpr (std::is_same_v<Event, worker::HelloEvent>) {
          take(std::move(event), out);
        } else if (!run_) {
          return;  // the attempt has ended; what its trainer still says is of no interest
        } else if constexpr (std::is_same_v<Event, worker::TickEvent>) {
          take(event);
        } else if constexpr (std::is_same_v<Event, worker::FinishedEvent> ||
                             std::is_same_v<Event, worker::StoppedEvent>) {
          end(std::move(event), out);
          become_idle();
        } else if constexpr (std::is_same_v<Event, worker::FailedEvent>) {
          end(failure(parse_end_reason(event.reason).value_or(EndReason::kTrainerCrashed), event.message), out);
        } else {
          if constexpr (std::is_same_v<Event, worker::ReadyEvent>) ready_ = ready_ || event.state == "joined";
          ticks_ = ticks_ || ready_;
          if constexpr (std::is_same_v<Event, worker::LogEvent>) log_->write(cat(event.level, ": ", event.text, "\n"));
          out.emplace_back(std::move(event));
        }
      },
      *decoded);
}

void TrainerSupervisor::take(worker::HelloEvent event, std::vector<SupervisorEvent>& out) {
  greeted_ = true;
  torch_ = event.cpu_capability.empty() ? event.torch : event.torch + ", " + event.cpu_capability;
  if (event.protocol == worker::kControlVersion || !run_) return;
  end(failure(EndReason::kTrainerCrashed, cat("the trainer speaks control protocol ", event.protocol, ", this worker ",
                                              worker::kControlVersion, "; build both from one version")),
      out);
}

void TrainerSupervisor::take(const worker::TickEvent& event) {
  if (event.step != tick_.step || event.phase != tick_.phase || may_take_long(event.phase)) stepped_ = time_;
  if (event.step > 0) ready_ = true;
  ticks_ = true;
  tick_ = event;
}

void TrainerSupervisor::watch(std::vector<SupervisorEvent>& out) {
  if (leaving_ && leave_by_ > Duration{} && time_ >= leave_by_) process_->kill();
  if (!run_) return;
  const auto limit = options_.tick_timeout;
  if (ticks_ && time_ - sign_of_life_ >= limit) {
    end(failure(EndReason::kStalled,
                cat(who(), " gave no sign of life for ", whole_seconds(limit), " s in phase ", tick_.phase, " at step ",
                    tick_.step, " (process stopped or machine overloaded)")),
        out);
  } else if (!ready_ && time_ - started_ >= run_->start_timeout) {
    end(failure(EndReason::kStalled, cat(who(), greeted_ ? " was not ready" : " did not start", " within ",
                                         whole_seconds(run_->start_timeout), " s")),
        out);
  } else if (ready_ && run_->command.size == 1 && time_ - stepped_ >= run_->stall_timeout) {
    // A rank of a gang may wait for one that evaluates; the coordinator sees all of them and judges.
    end(failure(EndReason::kStalled, cat(who(), " made no step for ", whole_seconds(run_->stall_timeout),
                                         " s in phase ", tick_.phase, " after step ", tick_.step)),
        out);
  }
}

std::string TrainerSupervisor::who() const {
  return cat("the trainer of rank ", run_->command.rank, " of ", run_->command.size, " (process ", process_->pid(),
             ")");
}

void TrainerSupervisor::collect_exit(std::vector<SupervisorEvent>& out) {
  const TrainerExit exit = *process_->poll_exit();
  if (run_) {
    end(describe(exit), out);
  } else if (!leaving_) {
    log_warning("idle trainer ", process_->pid(), " has gone: ", describe(exit).message);
  }
  process_.reset();
  idle_ = leaving_ = false;
  leave_by_ = {};
}

fleet::Failed TrainerSupervisor::describe(const TrainerExit& exit) const {
  fleet::Failed failed = failure(EndReason::kTrainerCrashed, "");
  failed.signal = exit.signal;
  failed.exit_code = exit.code;
  if (exit.signal == SIGKILL && failed.memory.oom_kills > 0) {
    failed.reason = EndReason::kHostOom;
    failed.message = "the kernel ended the trainer because the machine's or the control group's memory was used up";
  } else if (exit.signal != 0) {
    failed.message = cat("the trainer was ended by signal ", exit.signal, " (", signal_name(exit.signal), ")");
  } else {
    failed.message = cat("the trainer left with status ", exit.code, " in the middle of the trial");
  }
  return failed;
}

// Cheap enough for every look at the trainer. A process that is ending reads as 0, which says nothing.
void TrainerSupervisor::sample_memory() {
  if (const int64_t bytes = process_->resident_bytes(); bytes > 0) resident_bytes_ = bytes;
}

fleet::LastWords TrainerSupervisor::last_words() const {
  const GroupMemory group = options_.group_memory();
  return {.log_tail = log_ ? log_->tail() : std::vector<std::string>(),
          .memory = {.resident_bytes = resident_bytes_,
                     .limit_bytes = group.limit_bytes,
                     .oom_kills = group.oom_kills - oom_kills_at_start_}};
}

fleet::Failed TrainerSupervisor::failure(EndReason reason, const std::string& message) const {
  fleet::Failed failed;
  failed.reason = reason;
  failed.message = message;
  fleet::LastWords last = last_words();
  failed.log_tail = std::move(last.log_tail);
  failed.memory = last.memory;
  return failed;
}

// A trainer whose attempt failed is never used again: its state is not to be trusted.
void TrainerSupervisor::end(Ended ended, std::vector<SupervisorEvent>& out) {
  if (std::holds_alternative<fleet::Failed>(ended)) {
    process_->kill();
    leaving_ = true;
  }
  out.emplace_back(std::move(ended));
  run_.reset();
}

void TrainerSupervisor::become_idle() {
  idle_ = true;
  const int64_t bytes = process_->resident_bytes();
  if (first_idle_bytes_ == 0) first_idle_bytes_ = bytes;
  if (trials_ >= options_.max_trials || bytes > first_idle_bytes_ + options_.max_growth_bytes) retire({});
}

fleet::AttemptProgress TrainerSupervisor::progress() const {
  fleet::AttemptProgress progress;
  progress.step = tick_.step;
  progress.total_steps = tick_.total_steps;
  progress.phase = tick_.phase;
  progress.loss = tick_.loss;
  progress.samples_per_s = tick_.samples_per_s;
  progress.tick_age_ms = std::chrono::duration_cast<std::chrono::milliseconds>(time_ - sign_of_life_).count();
  return progress;
}

}  // namespace autonorm::agent
