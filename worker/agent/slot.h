// The one place of this worker where a trial trains: takes a Start, fetches what it needs, runs the trainer, turns what
// the trainer says into events, and reports the slot free when the trainer is done with it. Main loop only.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "worker/agent/delivery/artifact_mover.h"
#include "worker/agent/delivery/metric_batch.h"
#include "worker/agent/delivery/outbox.h"
#include "worker/agent/delivery/work_dir.h"
#include "worker/agent/relay/relay_service.h"
#include "worker/agent/supervision/trainer_supervisor.h"

namespace autonorm::agent {

struct SlotOptions {
  std::string device = "cpu";  // "cpu" | "cuda:N"
  std::string listen_host;     // where a leader's store is reached
  // A broken collective is what the other ranks of a gang see of its cause: they let the rank that has it speak first.
  std::chrono::milliseconds cause_patience{1'000};
};
// All outlive the slot.
struct SlotParts {
  const WorkDir& dir;
  CoordinatorLink& link;
  Outbox& outbox;
  ArtifactMover& mover;
  RelayService& relay;
  TrainerSupervisor& supervisor;
};

class Slot {
 public:
  Slot(SlotOptions options, SlotParts parts);

  // Repeated Starts of one attempt are one. An attempt that runs is given up for another: the coordinator knows better.
  void start(const fleet::Start& start, SteadyTime now);
  void rendezvous(const fleet::Rendezvous& rendezvous);
  // kKill: the coordinator has ended the attempt; it is dropped without another word but SlotFree with what its
  // trainer left behind.
  void stop(const fleet::Stop& stop, SteadyTime now);
  // The worker is to leave: checkpoint, then end as preempted. Nothing to do when idle.
  void preempt(const std::string& why, SteadyTime now);
  // The coordinator does not want the attempt (any more), whichever process of this worker trained it: its trainer is
  // killed, and SlotFree follows with what the trainer left.
  void drop(const fleet::AttemptKey& key);
  void fetched(const Moved& moved, SteadyTime now);
  // Takes what the trainer has said. Call after waiting.
  void advance(SteadyTime now);

  bool busy() const { return active_.has_value(); }
  std::vector<fleet::AttemptProgress> progress() const;

 private:
  struct Active {
    fleet::Start start;
    size_t fetching = 0;  // folders under way
    bool launched = false, ended = false, abandoned = false;
    std::optional<std::string> resume;
    std::map<std::string, std::string> inputs;
    EndReason stop_reason = EndReason::kPreempted;
    std::string stop_text;
    MetricBatch metrics;                   // not yet an event
    std::optional<fleet::Failed> symptom;  // a broken collective, said when nobody has said the cause by then
    SteadyTime say_symptom_at{};
  };

  bool holds(const fleet::AttemptKey& attempt) const { return busy() && key() == attempt; }
  void begin(const fleet::Start& start, SteadyTime now);
  void abandon(const fleet::AttemptKey& key);
  void fetch_folders();
  void launch(SteadyTime now);
  bool uses_relay() const;
  std::string device() const;
  void take(const worker::ReadyEvent& event);
  void take(const worker::MetricsEvent& event);
  void take(const worker::NormStatEvent& event);
  void take(const worker::CheckpointEvent& event);
  void take(const worker::LogEvent& event);
  void take(const Ended& ended);
  fleet::Failed stopped_at_checkpoint() const;
  void say_end(fleet::EventBody body, std::vector<std::string> needs);
  void flush_metrics();
  void fail(EndReason reason, const std::string& message);
  void fail(const fleet::Failed& failed);
  void release();
  const fleet::AttemptKey& key() const { return active_->start.key; }

  const SlotOptions options_;
  SlotParts parts_;
  std::optional<Active> active_;
  std::optional<fleet::Start> next_;        // waits for the slot
  std::optional<fleet::Rendezvous> early_;  // came before its trainer was started
  SteadyTime now_{};
};

}  // namespace autonorm::agent
