// Places where a program can be made to die at once, as by kill -9 or a power cut of the process: between two steps
// that must not depend on each other. Tests arm one and look at what the next start makes of the rest.
//
// Compiled in everywhere; a point that is not armed costs one relaxed load. Only main arms one, from
// AUTONORM_FAILPOINT.
#pragma once
#include <atomic>
#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"

namespace autonorm {

enum class Failpoint : int {
  kNone,
  // coordinator
  kCommitBefore,    // all rows are written, the transaction is not committed
  kCommitAfter,     // it is durable, nobody has been told
  kAckBefore,       // the events' rows are durable, this acknowledgement is not sent
  kReplyBefore,     // a submission is durable, its caller has no answer
  kAnswerBefore,    // a copy is made, or garbage is collected, and no answer is written down
  kArtifactBefore,  // an artifact is synced under its temporary name
  kArtifactAfter,   // it is durable under its own name, the engine does not know
  // worker
  kAttemptFolder,  // the attempt's folder is made, its token is not: nothing says that it is open
  kSpoolBefore,    // an event has happened, the spool does not have it
  kSpoolAfter,     // the spool has it, it is not sent
  kArtifactThere,  // the coordinator has a checkpoint's files, their event is not sent
  kFetchBefore,    // a fetched checkpoint is complete under its temporary name
  kRetire,         // all is acknowledged and the token is removed, the folder's rest is not
  // trainer
  kCheckpointBefore,  // a checkpoint is synced under its temporary name
  kCheckpointAfter,   // it is durable under its own name, nobody has been told
  kResultBefore,      // the trial is trained, its result is not told
};

struct FailpointRow {
  Failpoint point;
  std::string_view name;  // "PROGRAM.place"
};
std::span<const FailpointRow> failpoints();

// `text` is NAME:K:FILE: the process dies when it passes that point for the K-th time (K ≥ 1), if it can create FILE,
// which must not exist: so one process dies, once, and the file proves it. "" arms nothing. kInvalid: says what is
// allowed and which points there are. Before other threads start.
Status arm_failpoint(std::string_view text);

namespace failpoint_detail {
extern std::atomic<Failpoint> armed_failpoint;
void hit_failpoint();
}  // namespace failpoint_detail

inline void pass(Failpoint point) {
  if (failpoint_detail::armed_failpoint.load(std::memory_order_relaxed) == point) [[unlikely]]
    failpoint_detail::hit_failpoint();
}

}  // namespace autonorm
