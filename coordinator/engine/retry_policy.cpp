#include "coordinator/engine/retry_policy.h"

namespace autonorm::engine {
namespace {

TrialState final_state(EndReason reason) {
  switch (reason) {
    case EndReason::kCompleted:
      return TrialState::kSucceeded;
    case EndReason::kDiverged:
      return TrialState::kDiverged;
    case EndReason::kCancelled:
      return TrialState::kCancelled;
    default:
      return TrialState::kFailed;
  }
}

}  // namespace

RetryAnswer decide_retry(const RetryQuestion& question) {
  RetryAnswer answer{
      .state = final_state(question.reason), .counted = question.counted, .uncounted = question.uncounted};
  RetryKind kind = retry_kind(question.reason);
  // Progress proves that trying again helps, whatever ended the attempt.
  if (kind == RetryKind::kCounted && question.advanced) kind = RetryKind::kUncounted;
  if (question.other_origin) kind = RetryKind::kUncounted;
  switch (kind) {
    case RetryKind::kNever:
      return answer;
    case RetryKind::kOtherHost:
      answer.again = question.other_host_left;
      break;
    case RetryKind::kUncounted:
      // A user who pauses and resumes all day must not use a trial up.
      if (question.reason != EndReason::kPreempted) ++answer.uncounted;
      answer.again = answer.uncounted <= kMaxUncountedAttempts;
      break;
    case RetryKind::kCounted:
      ++answer.counted;
      answer.again = answer.counted < question.max_attempts;
      break;
  }
  if (answer.again) answer.state = TrialState::kQueued;
  return answer;
}

}  // namespace autonorm::engine
