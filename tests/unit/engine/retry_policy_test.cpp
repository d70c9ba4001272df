#include "coordinator/engine/retry_policy.h"

#include <gtest/gtest.h>

namespace autonorm::engine {
namespace {

TEST(RetryPolicy, ResultsAndHopelessEndsAreFinal) {
  EXPECT_EQ(decide_retry({.reason = EndReason::kCompleted}).state, TrialState::kSucceeded);
  EXPECT_EQ(decide_retry({.reason = EndReason::kDiverged}).state, TrialState::kDiverged);
  EXPECT_EQ(decide_retry({.reason = EndReason::kCancelled}).state, TrialState::kCancelled);
  for (const EndReason reason :
       {EndReason::kBadConfig, EndReason::kDataCorrupt, EndReason::kTimeout, EndReason::kParent}) {
    const RetryAnswer answer = decide_retry({.reason = reason});
    EXPECT_FALSE(answer.again) << name(reason);
    EXPECT_EQ(answer.state, TrialState::kFailed) << name(reason);
  }
}

TEST(RetryPolicy, CountedEndsStopAtMaxAttempts) {
  RetryQuestion question{.reason = EndReason::kHostOom, .max_attempts = 2};
  RetryAnswer answer = decide_retry(question);
  EXPECT_TRUE(answer.again);
  EXPECT_TRUE(prefers_elsewhere(question.reason));
  question.counted = answer.counted;
  answer = decide_retry(question);
  EXPECT_FALSE(answer.again);
  EXPECT_EQ(answer.counted, 2);
}

TEST(RetryPolicy, WhatCannotBeReadAnyMoreIsNotTheTrialsFault) {
  for (const EndReason reason : {EndReason::kDataCorrupt, EndReason::kDataMissing}) {
    const RetryAnswer answer =
        decide_retry({.reason = reason, .other_origin = true, .max_attempts = 1, .other_host_left = false});
    EXPECT_TRUE(answer.again) << name(reason);
    EXPECT_EQ(answer.counted, 0) << name(reason);
    EXPECT_FALSE(decide_retry({.reason = reason, .other_origin = true, .uncounted = kMaxUncountedAttempts}).again)
        << "a disk that damages everything does not keep a trial busy for ever";
  }
}

TEST(RetryPolicy, ProgressMakesACountedEndUncounted) {
  const RetryAnswer answer =
      decide_retry({.reason = EndReason::kStalled, .advanced = true, .counted = 2, .uncounted = 4});
  EXPECT_TRUE(answer.again);
  EXPECT_EQ(answer.counted, 2);
  EXPECT_EQ(answer.uncounted, 5);
  EXPECT_FALSE(
      decide_retry({.reason = EndReason::kStalled, .advanced = true, .uncounted = kMaxUncountedAttempts}).again);
}

TEST(RetryPolicy, PreemptionNeverUsesATrialUp) {
  const RetryAnswer answer =
      decide_retry({.reason = EndReason::kPreempted, .counted = 2, .uncounted = kMaxUncountedAttempts});
  EXPECT_TRUE(answer.again);
  EXPECT_EQ(answer.uncounted, kMaxUncountedAttempts);
}

TEST(RetryPolicy, MissingDataNeedsAnotherHost) {
  EXPECT_TRUE(decide_retry({.reason = EndReason::kDataMissing, .other_host_left = true}).again);
  EXPECT_EQ(decide_retry({.reason = EndReason::kDataMissing, .other_host_left = false}).state, TrialState::kFailed);
}

}  // namespace
}  // namespace autonorm::engine
