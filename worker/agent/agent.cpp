#include "worker/agent/agent.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>

#include "core/base/log.h"
#include "worker/agent/supervision/log_file.h"

namespace autonorm::agent {

using namespace std::chrono_literals;

namespace {

constexpr auto kGoodbyeTimeout = 1s;

// In [0, 1), from the worker's id: different for each worker, the same at each start.
double spread_of(const WorkerId& id) { return static_cast<double>(std::hash<std::string>()(id.value()) % 1000) / 1000; }

std::string slot_device(const fleet::Device& device) {
  return device.kind == "cuda" ? cat("cuda:", device.index) : std::string("cpu");
}

}  // namespace

Agent::Agent(AgentOptions options, AgentParts parts)
    : options_(std::move(options)),
      parts_(parts),
      session_(parts.link, options_.coordinator, spread_of(options_.hello.worker)),
      outbox_(parts.dir, parts.link, parts.mover),
      slot_({.device = slot_device(options_.hello.device),
             .listen_host = options_.listen_host,
             .cause_patience = options_.cause_patience},
            {parts.dir, parts.link, outbox_, parts.mover, parts.relay, parts.supervisor}) {}

int Agent::run(int signals) {
  begin();
  while (!exit_status_) {
    step();
    if (!exit_status_) wait(signals, patience());
  }
  return *exit_status_;
}

void Agent::begin() {
  for (const fleet::AttemptKey& key : parts_.dir.open_attempts()) {
    if (const Status status = outbox_.adopt(key); !status.ok()) {
      log_warning("an attempt of an earlier start is passed over: ", status.message());
      continue;
    }
    outbox_.free_slot(key);
    if (outbox_.terminal(key)) continue;
    fleet::Failed failed;
    failed.reason = EndReason::kWorkerLost;
    failed.message = "the worker was restarted while the trial ran";
    failed.log_tail = stored_log_tail(parts_.dir.folder(key));
    outbox_.append(key, failed);
  }
}

void Agent::step() {
  const SteadyTime now = parts_.clock.now().steady;
  session_.step(now, [this] { return hello(); });
  for (const LinkEvent& event : parts_.link.take()) take(event, now);
  take_moved(now);
  slot_.advance(now);
  outbox_.pump();
  if (session_.heartbeat_due(now)) parts_.link.send(fleet::Heartbeat{slot_.progress()});
  if (!stopping_.empty()) leave_when_ready(now);
}

void Agent::wait(int signals, std::chrono::milliseconds at_most) {
  std::vector<pollfd> fds;
  for (const int fd : {parts_.link.fd(), parts_.mover.fd(), signals}) fds.push_back({fd, POLLIN, 0});
  for (const int fd : parts_.supervisor.descriptors()) fds.push_back({fd, POLLIN, 0});
  ::poll(fds.data(), fds.size(), static_cast<int>(at_most.count()));
  if (fds[2].revents != 0) take_signals(signals);
}

// Metrics wait at most 100 ms, watches half a second, and an idle worker has nothing but its heartbeat.
std::chrono::milliseconds Agent::patience() const { return slot_.busy() ? 50ms : 200ms; }

void Agent::take_signals(int signals) {
  signalfd_siginfo info{};
  while (read(signals, &info, sizeof(info)) == sizeof(info)) {
    request_stop(info.ssi_signo == SIGINT ? "interrupted" : "terminated");
  }
}

void Agent::request_stop(const std::string& why) {
  at_once_ = !stopping_.empty();
  if (at_once_) return;
  const SteadyTime now = parts_.clock.now().steady;
  log_info("the worker was ", why, slot_.busy() ? "; the trial writes a checkpoint first" : "; leaving");
  stopping_ = why;
  leave_by_ = now + options_.grace;
  outbox_.leaving();
  slot_.preempt(cat("the worker was ", why), now);
}

void Agent::leave_when_ready(SteadyTime now) {
  const bool delivered = !slot_.busy() && (outbox_.empty() || !session_.open());
  const bool ready = goodbye_sent_ ? !session_.open() : delivered;
  if (!ready && !at_once_ && now < leave_by_) return;
  if (!session_.open() || at_once_ || goodbye_sent_) {
    exit_status_ = 0;
    return;
  }
  parts_.link.send(fleet::Goodbye{stopping_});
  goodbye_sent_ = true;
  session_.leaving();
  leave_by_ = now + kGoodbyeTimeout;  // the coordinator answers by ending the session
}

fleet::Hello Agent::hello() const {
  fleet::Hello hello = options_.hello;
  hello.torch = parts_.supervisor.torch();
  hello.attempts = outbox_.known();
  return hello;
}

void Agent::take(const LinkEvent& event, SteadyTime now) {
  if (const auto* ended = std::get_if<SessionEnded>(&event)) {
    session_.ended(ended->why, now);
    outbox_.disconnected();
  } else {
    take(std::get<fleet::ToWorker>(event), now);
  }
}

void Agent::take(const fleet::ToWorker& message, SteadyTime now) {
  if (const auto* greeting = std::get_if<fleet::Welcome>(&message)) {
    welcome(*greeting, now);
  } else if (const auto* refused = std::get_if<fleet::Refused>(&message)) {
    log_error("the coordinator at ", options_.coordinator, " refuses this worker: ", refused->reason);
    exit_status_ = 1;
  } else if (const auto* start = std::get_if<fleet::Start>(&message)) {
    if (stopping_.empty()) slot_.start(*start, now);
  } else if (const auto* rendezvous = std::get_if<fleet::Rendezvous>(&message)) {
    slot_.rendezvous(*rendezvous);
  } else if (const auto* stop = std::get_if<fleet::Stop>(&message)) {
    slot_.stop(*stop, now);
  } else if (const auto* ack = std::get_if<fleet::Ack>(&message)) {
    outbox_.acked(ack->key, ack->seq);
  } else if (std::holds_alternative<fleet::Drain>(message)) {
    log_info("draining: no new trial comes to this worker");
  } else if (const auto* shutdown = std::get_if<fleet::Shutdown>(&message)) {
    log_info("the coordinator takes its leave: ", shutdown->reason);
  }
}

void Agent::welcome(const fleet::Welcome& welcome, SteadyTime now) {
  session_.welcomed(welcome, now);
  for (const fleet::AttemptKey& key : outbox_.welcome(welcome)) {
    log_info("trial ", short_form(key.trial), " attempt ", key.attempt, " is not wanted any more");
    slot_.drop(key);
  }
}

void Agent::take_moved(SteadyTime now) {
  for (const Moved& moved : parts_.mover.take()) {
    if (const auto* put = std::get_if<PutFolder>(&moved.job)) {
      outbox_.uploaded(*put, moved.status);
    } else {
      slot_.fetched(moved, now);
    }
  }
}

}  // namespace autonorm::agent
