// The worker's main loop: waits for the coordinator, the trainer, the artifact mover and signals, and lets each part
// act.
//   first SIGTERM or SIGINT   the trial checkpoints and ends as preempted, everything is delivered, the worker leaves
//   second one, or `grace`    the worker leaves at once; what is not delivered stays in the work-dir for the next start
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "core/base/clock.h"
#include "worker/agent/delivery/outbox.h"
#include "worker/agent/delivery/session_keeper.h"
#include "worker/agent/slot.h"

namespace autonorm::agent {

struct AgentOptions {
  fleet::Hello hello;  // everything but the attempts and the trainer's version
  std::string coordinator;
  std::string listen_host;
  std::chrono::milliseconds grace{20'000};
  std::chrono::milliseconds cause_patience{1'000};  // SlotOptions
};
// All outlive the agent.
struct AgentParts {
  const WorkDir& dir;
  CoordinatorLink& link;
  ArtifactMover& mover;
  RelayService& relay;
  TrainerSupervisor& supervisor;
  const Clock& clock;
};

class Agent {
 public:
  Agent(AgentOptions options, AgentParts parts);

  // Until the worker leaves; the program's exit status. `signals`: a signalfd, or -1.
  int run(int signals);

  // run() in parts, for tests: take up what an earlier process left; act on everything that is there; wait for more.
  void begin();
  void step();
  void wait(int signals, std::chrono::milliseconds at_most);
  void request_stop(const std::string& why);
  std::optional<int> exit_status() const { return exit_status_; }

 private:
  fleet::Hello hello() const;
  void take(const LinkEvent& event, SteadyTime now);
  void take(const fleet::ToWorker& message, SteadyTime now);
  void welcome(const fleet::Welcome& welcome, SteadyTime now);
  void take_moved(SteadyTime now);
  void take_signals(int signals);
  void leave_when_ready(SteadyTime now);
  std::chrono::milliseconds patience() const;

  const AgentOptions options_;
  AgentParts parts_;
  SessionKeeper session_;
  Outbox outbox_;
  Slot slot_;
  std::string stopping_;  // why; empty = not
  bool at_once_ = false, goodbye_sent_ = false;
  SteadyTime leave_by_{};
  std::optional<int> exit_status_;
};

}  // namespace autonorm::agent
