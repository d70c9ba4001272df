#include "core/messages/trial_state.h"

#include <array>
#include <utility>

namespace autonorm {

std::string_view name(TrialState state) {
  switch (state) {
    case TrialState::kWaiting:
      return "waiting";
    case TrialState::kQueued:
      return "queued";
    case TrialState::kAssigned:
      return "assigned";
    case TrialState::kRunning:
      return "running";
    case TrialState::kSucceeded:
      return "succeeded";
    case TrialState::kDiverged:
      return "diverged";
    case TrialState::kStopped:
      return "stopped";
    case TrialState::kFailed:
      return "failed";
    case TrialState::kCancelled:
      return "cancelled";
  }
  return "?";
}

std::optional<TrialState> parse_trial_state(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(TrialState::kCancelled); ++i) {
    if (name(static_cast<TrialState>(i)) == word) return static_cast<TrialState>(i);
  }
  return std::nullopt;
}

std::string_view name(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
      return "completed";
    case EndReason::kDiverged:
      return "diverged";
    case EndReason::kBadConfig:
      return "bad_config";
    case EndReason::kDataCorrupt:
      return "data_corrupt";
    case EndReason::kDataMissing:
      return "data_missing";
    case EndReason::kCancelled:
      return "cancelled";
    case EndReason::kTimeout:
      return "timeout";
    case EndReason::kWorkerLost:
      return "worker_lost";
    case EndReason::kPreempted:
      return "preempted";
    case EndReason::kHostOom:
      return "host_oom";
    case EndReason::kDeviceOom:
      return "device_oom";
    case EndReason::kTrainerCrashed:
      return "trainer_crashed";
    case EndReason::kCollectiveAborted:
      return "collective_aborted";
    case EndReason::kStalled:
      return "stalled";
    case EndReason::kParent:
      return "parent";
  }
  return "?";
}

std::optional<EndReason> parse_end_reason(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(EndReason::kParent); ++i) {
    if (name(static_cast<EndReason>(i)) == word) return static_cast<EndReason>(i);
  }
  return std::nullopt;
}

}  // namespace autonorm
