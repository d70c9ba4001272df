// What becomes of a trial when an attempt ends: a pure function of the reason and of what the trial went through
// before.
#pragma once
#include <cstdint>

#include "core/messages/trial_state.h"

namespace autonorm::engine {

inline constexpr int64_t kMaxUncountedAttempts = 50;

enum class RetryKind {
  kNever,      // a result, or repeating cannot help
  kOtherHost,  // once on each other host
  kUncounted,  // not the trial's fault
  kCounted,    // up to max_attempts
};

constexpr RetryKind retry_kind(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
    case EndReason::kDiverged:
    case EndReason::kBadConfig:
    case EndReason::kDataCorrupt:
    case EndReason::kCancelled:
    case EndReason::kTimeout:
    case EndReason::kParent:
      return RetryKind::kNever;
    case EndReason::kDataMissing:
      return RetryKind::kOtherHost;
    case EndReason::kWorkerLost:
    case EndReason::kPreempted:
      return RetryKind::kUncounted;
    case EndReason::kHostOom:
    case EndReason::kDeviceOom:
    case EndReason::kTrainerCrashed:
    case EndReason::kCollectiveAborted:
    case EndReason::kStalled:
      return RetryKind::kCounted;
  }
  return RetryKind::kNever;
}

// The next attempt goes to a worker other than the one at fault, where there is one.
constexpr bool prefers_elsewhere(EndReason reason) { return retry_kind(reason) == RetryKind::kCounted; }

struct RetryQuestion {
  EndReason reason{};
  bool advanced = false;        // the attempt committed a checkpoint beyond the one it started from
  bool other_origin = false;    // what it should have begun from cannot be read; the next attempt begins elsewhere
  int64_t counted = 0;          // attempts counted before this one
  int64_t uncounted = 0;        // likewise, not counted
  int64_t max_attempts = 3;     // of counted ones
  bool other_host_left = true;  // a connected host where its data was not found missing
};
struct RetryAnswer {
  bool again = false;
  TrialState state{};  // kQueued, or the final one
  int64_t counted = 0, uncounted = 0;
};
RetryAnswer decide_retry(const RetryQuestion& question);

}  // namespace autonorm::engine
