#include "worker/agent/delivery/outbox.h"

#include <algorithm>

#include "core/base/failpoint.h"
#include "core/base/log.h"

namespace autonorm::agent {
namespace {

bool may_be_dropped(const fleet::EventBody& body) {
  return std::holds_alternative<fleet::Metrics>(body) || std::holds_alternative<fleet::NormStats>(body) ||
         std::holds_alternative<fleet::LogLine>(body);
}

void remove_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::remove_all(folder, error);
  if (error) log_warning("removing ", folder.string(), ": ", error.message());
}

// What goes out in place of an event whose checkpoint can no longer be delivered. Its number must not be missing.
fleet::EventBody replacement(const fleet::EventBody& body, const std::string& why) {
  if (const auto* checkpoint = std::get_if<fleet::CheckpointSaved>(&body)) {
    return fleet::LogLine{"info", cat("the checkpoint of step ", checkpoint->step, " was not delivered: ", why)};
  }
  fleet::Failed failed;
  failed.message = cat("the trained model could not be delivered: ", why);
  return failed;
}

}  // namespace

Outbox::Outbox(const WorkDir& dir, CoordinatorLink& link, ArtifactMover& mover)
    : dir_(dir), link_(link), mover_(mover) {}

Status Outbox::adopt(const fleet::AttemptKey& key) {
  auto spool = EventSpool::open(dir_.folder(key));
  if (!spool.ok()) return spool.status();
  Entry entry{.spool = *std::move(spool),
              .unwritten = {},
              .sent = {},
              .newest_checkpoint = {},
              .newest_folder = {},
              .there = {},
              .lost = {},
              .moving = {},
              .delivered = {}};
  entry.sent = entry.spool.acked();
  entries_.insert_or_assign(key, std::move(entry));
  return {};
}

bool Outbox::terminal(const fleet::AttemptKey& key) const {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return false;
  const auto& unwritten = it->second.unwritten;
  return it->second.spool.terminal() || (!unwritten.empty() && is_terminal(unwritten.back().body));
}

std::vector<fleet::KnownAttempt> Outbox::known() const {
  std::vector<fleet::KnownAttempt> known;
  for (const auto& [key, entry] : entries_) {
    known.push_back({key, entry.spool.last(), entry.spool.terminal(), !entry.slot_free});
  }
  return known;
}

void Outbox::append(const fleet::AttemptKey& key, fleet::EventBody body, std::vector<std::string> needs) {
  const auto it = entries_.find(key);
  if (it == entries_.end() || terminal(key)) return;  // it has ended; late words of its trainer do not matter
  Entry& entry = it->second;
  entry.failed = entry.failed || std::holds_alternative<fleet::Failed>(body);
  const bool crowded = entry.unwritten.size() >= kMaxUnwritten || entry.spool.full();
  if (crowded && may_be_dropped(body)) {
    if (!std::exchange(entry.complained, true)) {
      log_warning("trial ", short_form(key.trial),
                  ": the event spool is full; metrics and log lines are dropped until there is room");
    }
    return;
  }
  entry.unwritten.push_back({std::move(body), std::move(needs)});
  write(key, entry);
}

// A full disk stops this at the first event; the next pump() tries again, and the order stays.
void Outbox::write(const fleet::AttemptKey& key, Entry& entry) {
  while (!entry.unwritten.empty()) {
    Unwritten& next = entry.unwritten.front();
    const bool checkpoint = std::holds_alternative<fleet::CheckpointSaved>(next.body);
    if (const Status status = entry.spool.append(next.body, next.needs); !status.ok()) {
      if (!std::exchange(entry.complained, true))
        log_error("trial ", short_form(key.trial), ": ", status.message(), "; trying again");
      return;
    }
    if (checkpoint) {
      entry.newest_checkpoint = entry.spool.last();
      entry.newest_folder = next.needs.empty() ? "" : next.needs.front();
    }
    entry.unwritten.pop_front();
  }
}

void Outbox::free_slot(const fleet::AttemptKey& key, fleet::LastWords last) {
  const auto it = entries_.find(key);
  if (it != entries_.end()) {
    it->second.slot_free = true;
  } else if (connected_ && !leaving_) {  // a leaving worker's slot must not be given to another attempt
    link_.send(fleet::SlotFree{key, std::move(last)});
  }
}

void Outbox::broken_off(const fleet::AttemptKey& key) {
  if (const auto it = entries_.find(key); it != entries_.end()) it->second.follows = true;
}

void Outbox::forget(const fleet::AttemptKey& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  const bool failed = it->second.failed || it->second.follows || !it->second.spool.terminal();
  mover_.forget(key);
  entries_.erase(it);
  if (const Status status = dir_.retire(key, failed); !status.ok()) log_warning(status.message());
}

std::vector<fleet::AttemptKey> Outbox::welcome(const fleet::Welcome& welcome) {
  connected_ = true;
  for (const auto& [key, seq] : welcome.acked) acked(key, seq);
  std::vector<fleet::AttemptKey> dropped;
  for (auto& [key, entry] : entries_) {
    entry.sent = entry.spool.acked();
    entry.slot_free_sent = false;
    if (std::ranges::find(welcome.keep, key) == welcome.keep.end()) dropped.push_back(key);
  }
  return dropped;
}

// What was uploaded is offered again before its event: without an event the coordinator keeps it only for a while.
void Outbox::disconnected() {
  connected_ = false;
  for (auto& [key, entry] : entries_) entry.there.clear();
}

void Outbox::acked(const fleet::AttemptKey& key, Seq seq) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (seq > entry.spool.last()) {
    // A power cut took the end of the spool after it had been delivered. What was appended since carries numbers that
    // are used up; a free slot without an end tells the coordinator to give the attempt up.
    log_warning("trial ", short_form(key.trial), ": the coordinator has events up to ", seq, ", the spool ends with ",
                entry.spool.last(), "; the attempt is given up");
    forget(key);
    link_.send(fleet::SlotFree{key});
    return;
  }
  if (const Status status = entry.spool.ack(seq); !status.ok()) log_warning(status.message());
  const auto end = entry.delivered.upper_bound(entry.spool.acked());
  for (auto folder = entry.delivered.begin(); folder != end; ++folder) remove_folder(dir_.folder(key) / folder->second);
  entry.delivered.erase(entry.delivered.begin(), end);
}

void Outbox::uploaded(const PutFolder& job, const Status& status) {
  const auto it = entries_.find(job.key);
  if (it == entries_.end()) return;
  Entry& entry = it->second;
  if (entry.moving == job.name) entry.moving.clear();
  if (status.ok()) {
    pass(Failpoint::kArtifactThere);
    entry.there.insert(job.name);
  } else {
    log_warning("trial ", short_form(job.key.trial), ": ", job.name, " cannot be delivered: ", status.message());
    entry.lost.emplace(job.name, status);
  }
}

void Outbox::pump() {
  std::vector<fleet::AttemptKey> done;
  for (auto& [key, entry] : entries_) {
    write(key, entry);
    if (!connected_) continue;
    send_events(key, entry);
    const bool all_sent = entry.unwritten.empty() && entry.sent >= entry.spool.last();
    const bool kept = leaving_ && entry.follows;
    if (entry.slot_free && !entry.slot_free_sent && all_sent && !kept) {
      if (!leaving_ || !entry.failed) link_.send(fleet::SlotFree{key});
      entry.slot_free_sent = true;
    }
    if (entry.spool.done() && entry.slot_free_sent) done.push_back(key);
  }
  for (const fleet::AttemptKey& key : done) forget(key);
}

void Outbox::send_events(const fleet::AttemptKey& key, Entry& entry) {
  entry.sent = std::max(entry.sent, entry.spool.acked());
  while (entry.sent < entry.spool.last() && entry.sent.value() - entry.spool.acked().value() < kWindow) {
    const Seq next(entry.sent.value() + 1);
    auto event = entry.spool.read(next);
    if (!event.ok() || !*event) {
      if (!std::exchange(entry.complained, true))
        log_error("trial ", short_form(key.trial), ": ", event.status().message());
      return;
    }
    if (!ready_to_send(key, entry, **event)) return;
    for (const std::string& folder : (*event)->needs) entry.delivered.emplace(next, folder);
    link_.send(fleet::Event{key, next, std::move((*event)->body)});
    entry.sent = next;
  }
}

// Starts the delivery of folders that the event needs; replaces the event when one of them is lost or out of date.
bool Outbox::ready_to_send(const fleet::AttemptKey& key, Entry& entry, SpooledEvent& event) {
  for (const std::string& name : event.needs) {
    if (entry.there.contains(name)) continue;
    if (const auto lost = entry.lost.find(name); lost != entry.lost.end()) {
      event.body = replacement(event.body, lost->second.message());
      return true;
    }
    if (entry.moving == name) return false;
    const auto folder = dir_.folder(key) / name;
    // Only the newest checkpoint is worth the way, so an absent coordinator does not pile them up.
    if (std::holds_alternative<fleet::CheckpointSaved>(event.body) && event.seq < entry.newest_checkpoint) {
      if (name != entry.newest_folder) remove_folder(folder);
      event.body = replacement(event.body, "a newer one followed before its turn came");
      return true;
    }
    entry.moving = name;
    mover_.put({key, name, folder});
    return false;
  }
  return true;
}

}  // namespace autonorm::agent
