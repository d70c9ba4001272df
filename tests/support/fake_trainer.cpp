// A trainer without LibTorch for tests of the worker: speaks the control protocol, trains nothing.
//
// What a trial does comes from "fake" in its configuration, or else from AUTONORM_FAKE_TRAINER (JSON), or else the
// default:
//   { "steps": 20, "step_ms": 0, "tick_ms": 1000, "late_tick": false (none before it has joined),
//     "checkpoint_every": 0, "log": "text for stdout",
//     "say": "text of a log event at each step", "ballast_mib": 0 (memory to hold),
//     "before_ms": 0 (pause before the rendezvous), "during_ms": 0 (pause between the leader's address and joining),
//     "at": 10, "do": "exit" | "signal" | "stop-process" | "hang" | "fail" | "diverge" | "garbage" | "phase",
//     "value": 3, "reason": "device_oom", "rank": 0 }
// "phase" stays in the phase `text` for `value` ms, with its tick; "rank" = only that rank does it.
// A gang of more than one rank adds rank + 1, the step and the attempt over the relay at every step and fails when a
// sum is wrong.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>

#include "core/base/durable_file.h"
#include "core/base/sha256.h"
#include "worker/control_protocol.h"
#include "worker/relay_protocol.h"

namespace autonorm::worker {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

struct Descriptors {
  int parent = 0, in = -1, out = -1, relay = -1, relay_request = -1, relay_completion = -1;
};

class FakeTrainer {
 public:
  explicit FakeTrainer(Descriptors fds) : fds_(fds) {
    if (fds_.relay < 0) return;
    void* memory = mmap(nullptr, sizeof(RelaySegment), PROT_READ | PROT_WRITE, MAP_SHARED, fds_.relay, 0);
    if (memory != MAP_FAILED) segment_ = static_cast<RelaySegment*>(memory);
  }

  int serve() {
    say(HelloEvent{kControlVersion, static_cast<int>(getpid()), "fake 1.0", "NONE"});
    std::thread(&FakeTrainer::tick_for_ever, this).detach();
    while (const auto command = next(-1)) {
      if (std::holds_alternative<ExitCommand>(*command)) return 0;
      if (const auto* run = std::get_if<RunCommand>(&*command)) train(*run);
    }
    return 0;  // the agent has closed the pipe
  }

 private:
  void say(const TrainerEvent& event) {
    const std::lock_guard lock(mutex_);
    if (!write_all(fds_.out, encode(event) + "\n", "the event pipe").ok()) _exit(9);
  }

  // The next command, waiting so many milliseconds (-1 = for ever).
  std::optional<Command> next(int milliseconds) {
    while (true) {
      if (const size_t end = unread_.find('\n'); end != std::string::npos) {
        auto command = decode_command(std::string_view(unread_).substr(0, end));
        unread_.erase(0, end + 1);
        if (!command.ok()) _exit(8);
        return *command;
      }
      pollfd fd{fds_.in, POLLIN, 0};
      if (poll(&fd, 1, milliseconds) <= 0) return std::nullopt;
      char buffer[4096];
      const ssize_t n = read(fds_.in, buffer, sizeof(buffer));
      if (n <= 0) return std::nullopt;
      unread_.append(buffer, static_cast<size_t>(n));
    }
  }

  void tick() { say(TickEvent{step_, steps_, phase_.load(), 1.0, 100.0}); }
  void tick_for_ever() {
    while (true) {
      if (running_) tick();
      poll(nullptr, 0, tick_ms_);
    }
  }

  json plan(const RunCommand& run) const {
    const auto text = read_file(run.config_file);
    const json config = text.ok() ? json::parse(*text, nullptr, false) : json();
    if (config.is_object() && config.contains("fake")) return config["fake"];
    const char* variable = std::getenv("AUTONORM_FAKE_TRAINER");
    return variable != nullptr ? json::parse(variable) : json::object();
  }

  void train(const RunCommand& run) {
    const json plan = this->plan(run);
    run_ = run;
    steps_ = plan.value("steps", 20);
    step_ = resume_step();
    tick_ms_ = plan.value("tick_ms", 1000);
    phase_ = "loading";
    ballast_.assign(static_cast<size_t>(plan.value("ballast_mib", 0)) << 20, 'x');
    if (plan.contains("log")) std::cout << plan["log"].get<std::string>() << std::endl;
    const bool late = plan.value("late_tick", false);
    if (!late) tick();
    running_ = !late;
    const bool ended = !rendezvous(plan) || train_steps(plan);
    running_ = false;
    if (!ended) finish(plan.value("do", "") == "diverge");
  }

  int64_t resume_step() const {
    if (!run_.resume) return 0;
    const auto manifest = read_file(fs::path(*run_.resume) / "manifest.json");
    return manifest.ok() ? json::parse(*manifest).at("step").get<int64_t>() : 0;
  }

  bool rendezvous(const json& plan) {
    poll(nullptr, 0, plan.value("before_ms", 0));
    if (run_.size > 1 && run_.rank == 0) {
      say(ReadyEvent{"listening", run_.listen_host + ":4711"});
    } else if (run_.size > 1) {
      const auto command = next(-1);
      if (!command) return false;
      if (std::holds_alternative<StopCommand>(*command)) {
        say(StoppedEvent{step_});
        return false;
      }
    }
    poll(nullptr, 0, plan.value("during_ms", 0));
    running_ = true;
    phase_ = "training";
    say(ReadyEvent{"joined", ""});
    return true;
  }

  // True: the attempt has ended already.
  bool train_steps(const json& plan) {
    const int step_ms = plan.value("step_ms", 0);
    const int64_t checkpoint_every = plan.value("checkpoint_every", 0);
    while (step_ < steps_) {
      ++step_;
      if (run_.size > 1 && !reduce()) return true;
      if (plan.contains("say")) say(LogEvent{"info", plan["say"].get<std::string>() + std::to_string(step_)});
      say(MetricsEvent{{{"train/loss", step_, 1.0 / static_cast<double>(step_)}}});
      if (checkpoint_every > 0 && step_ % checkpoint_every == 0 && run_.rank == 0) checkpoint("step");
      if (step_ == plan.value("at", int64_t{-1}) && act(plan)) return true;
      if (const auto command = next(step_ms)) {
        const auto* stop = std::get_if<StopCommand>(&*command);
        if (stop == nullptr) continue;
        if (stop->kind == StopKind::kCheckpoint && run_.rank == 0) checkpoint("step");
        say(StoppedEvent{step_});
        return true;
      }
    }
    return false;
  }

  bool act(const json& plan) {
    if (plan.value("rank", run_.rank) != run_.rank) return false;
    const std::string what = plan.value("do", "");
    const int value = plan.value("value", 0);
    if (what == "exit") _exit(value);
    if (what == "signal") raise(value);
    if (what == "stop-process") raise(SIGSTOP);
    while (what == "hang") pause();  // ticks, hears nothing, not even that the agent has gone
    if (what == "phase") stay_in_phase(plan.value("text", "evaluating"), value);
    if (what == "garbage") say_raw(plan.value("text", "{\"type\":\"nonsense\"}") + "\n");
    if (what == "fail") {
      say(FailedEvent{plan.value("reason", "bad_config"), plan.value("text", "as planned")});
      return true;
    }
    return false;
  }

  void stay_in_phase(const std::string& phase, int milliseconds) {
    long_phase_ = phase;
    phase_ = long_phase_.c_str();
    poll(nullptr, 0, milliseconds);
    phase_ = "training";
  }

  void say_raw(const std::string& text) {
    const std::lock_guard lock(mutex_);
    if (!write_all(fds_.out, text, "the event pipe").ok()) _exit(9);
  }

  // One all_reduce of three numbers: rank + 1, the step, and the attempt, by which another one's data would be noticed.
  bool reduce() {
    const uint64_t one = 1;
    uint64_t count = 0;
    auto* values = reinterpret_cast<double*>(segment_->data);
    values[0] = run_.rank + 1;
    values[1] = static_cast<double>(step_);
    values[2] = run_.attempt;
    segment_->op = RelayOp::kAllReduceSum;
    segment_->dtype = RelayDtype::kFloat64;
    segment_->count = 3;
    segment_->sequence = static_cast<uint64_t>(step_);
    segment_->state.store(RelayState::kRequested, std::memory_order_release);
    if (write(fds_.relay_request, &one, sizeof(one)) != sizeof(one)) _exit(7);
    if (read(fds_.relay_completion, &count, sizeof(count)) != sizeof(count)) _exit(7);
    segment_->state.store(RelayState::kIdle, std::memory_order_release);
    if (segment_->result != RelayResult::kOk) {
      say(FailedEvent{"collective_aborted", segment_->message});
      return false;
    }
    const double ranks = run_.size;
    if (values[0] == ranks * (ranks + 1) / 2 && values[1] == ranks * static_cast<double>(step_) &&
        values[2] == ranks * run_.attempt) {
      return true;
    }
    say(FailedEvent{"trainer_crashed", "the relay added wrongly"});
    return false;
  }

  fs::path checkpoint(const std::string& word) {
    const fs::path folder =
        fs::path(run_.directory) / "checkpoints" / (word == "step" ? "step-" + std::to_string(step_) : word);
    fs::create_directories(folder);
    const std::string state = "weights of " + run_.trial + " after step " + std::to_string(step_);
    const json manifest = {{"step", step_.load()},
                           {"files", {{"state.bin", {{"sha256", sha256(state).value()}, {"bytes", state.size()}}}}}};
    if (!write_file_durably(folder / "state.bin", state).ok() ||
        !write_file_durably(folder / "manifest.json", manifest.dump()).ok())
      _exit(6);
    if (word == "step") say(CheckpointEvent{step_, folder});
    return folder;
  }

  void finish(bool diverged) {
    FinishedEvent finished;
    finished.diverged = diverged;
    if (run_.rank == 0) {
      finished.results = {{"test/accuracy", 0.75}, {"steps", static_cast<double>(step_)}};
      finished.facts = {{"weights_sha256", sha256(std::to_string(step_)).value()}, {"pid", std::to_string(getpid())}};
      finished.artifacts = {{"model", checkpoint("final")}};
    }
    say(finished);
  }

  const Descriptors fds_;
  RelaySegment* segment_ = nullptr;
  std::mutex mutex_;
  std::string unread_, ballast_, long_phase_;
  RunCommand run_;
  std::atomic<bool> running_{false};
  std::atomic<int64_t> step_{0}, steps_{0};
  std::atomic<int> tick_ms_{1000};
  std::atomic<const char*> phase_{"starting"};
};

Descriptors parse(int count, char** words) {
  Descriptors fds;
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string_view word(words[i]);
    const int value = std::atoi(words[i + 1]);
    if (word == "--parent") fds.parent = value;
    if (word == "--in") fds.in = value;
    if (word == "--out") fds.out = value;
    if (word == "--relay") fds.relay = value;
    if (word == "--relay-request") fds.relay_request = value;
    if (word == "--relay-completion") fds.relay_completion = value;
  }
  return fds;
}

}  // namespace
}  // namespace autonorm::worker

int main(int count, char** words) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto fds = autonorm::worker::parse(count, words);
  if (getppid() != fds.parent) return 0;
  return autonorm::worker::FakeTrainer(fds).serve();
}
