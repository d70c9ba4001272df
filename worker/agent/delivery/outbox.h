// Every event that the coordinator has not acknowledged, of the attempt that runs and of those that have ended, and
// their delivery: in order, from the first unacknowledged one, at most kWindow under way per attempt, an event's
// checkpoint folders before the event, and SlotFree after an attempt's last event. Main loop only; no time, no threads.
#pragma once
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "worker/agent/delivery/artifact_mover.h"
#include "worker/agent/delivery/coordinator_link.h"
#include "worker/agent/delivery/event_spool.h"
#include "worker/agent/delivery/work_dir.h"

namespace autonorm::agent {

class Outbox {
 public:
  static constexpr int64_t kWindow = 256;
  // Events that could not be written (full disk) wait in memory up to so many; then metrics and log lines are dropped.
  static constexpr size_t kMaxUnwritten = 1000;

  // All outlive the outbox.
  Outbox(const WorkDir& dir, CoordinatorLink& link, ArtifactMover& mover);

  // Takes up an attempt whose folder exists.
  Status adopt(const fleet::AttemptKey& key);
  bool knows(const fleet::AttemptKey& key) const { return entries_.contains(key); }
  bool empty() const { return entries_.empty(); }
  // Also true when a terminal event still waits to be written.
  bool terminal(const fleet::AttemptKey& key) const;
  std::vector<fleet::KnownAttempt> known() const;

  // Dropped when the attempt is not known or has ended. `needs`: folders relative to the attempt's.
  void append(const fleet::AttemptKey& key, fleet::EventBody body, std::vector<std::string> needs = {});
  // The trainer is gone or idle. `last`: of an attempt that was forgotten before.
  void free_slot(const fleet::AttemptKey& key, fleet::LastWords last = {});
  // A rank that is no leader stopped at a checkpoint: its leader ends the attempt.
  void broken_off(const fleet::AttemptKey& key);
  // The worker is leaving: a slot whose trial was broken off is no longer offered, or it would be given to another
  // trial. One whose leader is to end the attempt is kept until the coordinator says that it has: left before, it would
  // end the attempt without the leader's checkpoint.
  void leaving() { leaving_ = true; }
  // Not to be delivered any more; its folder is retired.
  void forget(const fleet::AttemptKey& key);

  // The coordinator has greeted: what it does not keep is returned (the caller stops it and calls forget()).
  std::vector<fleet::AttemptKey> welcome(const fleet::Welcome& welcome);
  void disconnected();
  void acked(const fleet::AttemptKey& key, Seq seq);
  void uploaded(const PutFolder& job, const Status& status);
  // Sends what may be sent; retires what is done.
  void pump();

 private:
  struct Unwritten {
    fleet::EventBody body;
    std::vector<std::string> needs;
  };
  struct Entry {
    EventSpool spool;
    std::deque<Unwritten> unwritten;
    Seq sent;                                   // in this session
    Seq newest_checkpoint;                      // appended by this process
    std::string newest_folder;                  // of that one; an older event of the same step shares it
    std::set<std::string> there;                // folders known to be at the coordinator
    std::map<std::string, Status> lost;         // folders that cannot be delivered, and why
    std::string moving;                         // folder that is being put
    std::multimap<Seq, std::string> delivered;  // folders to remove once that event is acknowledged
    bool slot_free = false, slot_free_sent = false, failed = false, follows = false, complained = false;
  };

  void write(const fleet::AttemptKey& key, Entry& entry);
  void send_events(const fleet::AttemptKey& key, Entry& entry);
  bool ready_to_send(const fleet::AttemptKey& key, Entry& entry, SpooledEvent& event);

  const WorkDir& dir_;
  CoordinatorLink& link_;
  ArtifactMover& mover_;
  std::map<fleet::AttemptKey, Entry> entries_;
  bool connected_ = false, leaving_ = false;
};

}  // namespace autonorm::agent
