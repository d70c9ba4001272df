// The words for where a trial is and why an attempt ended. They are stored, sent and shown: never rename one.
#pragma once
#include <optional>
#include <string_view>

namespace autonorm {

enum class TrialState {
  kWaiting,    // a stage that it needs has not succeeded yet
  kQueued,     // ready, no slots yet
  kAssigned,   // a gang is reserved and starting
  kRunning,    // every rank has joined
  kSucceeded,  // result committed
  kDiverged,   // non-finite loss: a result, not an error
  kStopped,    // an early-stopping rule ended it
  kFailed,     // no attempts left, or an error that repeating cannot mend
  kCancelled,  // no sweep claims it any more
};
std::string_view name(TrialState state);
std::optional<TrialState> parse_trial_state(std::string_view word);
constexpr bool is_open(TrialState s) {
  return s == TrialState::kWaiting || s == TrialState::kQueued || s == TrialState::kAssigned ||
         s == TrialState::kRunning;
}

enum class EndReason {
  kCompleted,
  kDiverged,
  kBadConfig,
  kDataCorrupt,
  kDataMissing,
  kCancelled,
  kTimeout,  // never repeated (data_missing: once per other host)
  kWorkerLost,
  kPreempted,  // repeated without counting
  kHostOom,
  kDeviceOom,
  kTrainerCrashed,
  kCollectiveAborted,
  kStalled,  // counted, up to max_attempts
  kParent,   // a stage did not succeed
};
std::string_view name(EndReason reason);
std::optional<EndReason> parse_end_reason(std::string_view word);

}  // namespace autonorm
