// The events of one attempt on disk: appended before they are sent, sent from the first unacknowledged one, kept until
// the last is acknowledged. Each line is an event; a first line {"base":N} says that those up to N were taken out. A
// torn last line (power cut, full disk) is cut off when the spool is opened again. One thread.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <vector>

#include "core/base/durable_file.h"
#include "core/base/status.h"
#include "worker/agent/delivery/event_json.h"

namespace autonorm::agent {

class EventSpool {
 public:
  // Beyond it the spool is full(): the caller drops metrics, norm statistics and log lines; the rest is still taken.
  static constexpr int64_t kMaxBytes = int64_t{256} << 20;
  // A file of this size is emptied once everything in it is acknowledged.
  static constexpr int64_t kCompactBytes = int64_t{16} << 20;

  // Opens or makes FOLDER/events.jsonl.
  static Result<EventSpool> open(const std::filesystem::path& folder, int64_t compact_bytes = kCompactBytes);

  // Gives the event its number and appends it; checkpoints and terminal events are fsynced. kConflict after a terminal
  // event.
  Status append(fleet::EventBody body, std::vector<std::string> needs = {});

  Seq last() const { return Seq(acked_.value() + static_cast<int64_t>(unacked_.size())); }
  Seq acked() const { return acked_; }
  bool full() const { return size_ >= kMaxBytes; }
  bool terminal() const { return terminal_; }
  // Everything is acknowledged, and nothing more will come.
  bool done() const { return terminal_ && unacked_.empty(); }

  // The coordinator has committed everything up to `seq`; larger or older values than known are ignored.
  // The failure is that of emptying the file; the spool goes on without it.
  Status ack(Seq seq);
  // The event with this number, or nothing when it is acknowledged or not there yet.
  Result<std::optional<SpooledEvent>> read(Seq seq) const;

 private:
  EventSpool() = default;
  struct Extent {
    int64_t offset = 0;
    int64_t bytes = 0;
  };
  Status recover();
  Status compact();

  std::filesystem::path path_;
  Fd file_;
  int64_t compact_bytes_ = kCompactBytes;
  int64_t size_ = 0;
  Seq acked_{0};
  std::vector<Extent> unacked_;  // of seq acked_+1, acked_+2, …
  bool terminal_ = false;
};

}  // namespace autonorm::agent
