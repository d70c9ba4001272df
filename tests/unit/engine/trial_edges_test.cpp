#include "coordinator/engine/trial_edges.h"

#include <gtest/gtest.h>

namespace autonorm::engine {
namespace {

TEST(TrialEdges, TheMovesOfTheDesignAreThere) {
  EXPECT_TRUE(allowed(TrialState::kWaiting, TrialState::kQueued));
  EXPECT_TRUE(allowed(TrialState::kQueued, TrialState::kAssigned));
  EXPECT_TRUE(allowed(TrialState::kAssigned, TrialState::kRunning));
  EXPECT_TRUE(allowed(TrialState::kAssigned, TrialState::kQueued));
  EXPECT_TRUE(allowed(TrialState::kRunning, TrialState::kQueued));
  EXPECT_TRUE(allowed(TrialState::kWaiting, TrialState::kFailed));
  EXPECT_TRUE(allowed(TrialState::kFailed, TrialState::kQueued));
  EXPECT_TRUE(allowed(TrialState::kCancelled, TrialState::kQueued));
  for (const TrialState end : {TrialState::kSucceeded, TrialState::kDiverged, TrialState::kStopped}) {
    EXPECT_TRUE(allowed(TrialState::kRunning, end));
  }
}

TEST(TrialEdges, NothingReachesRunningButByAssignment) {
  for (int from = 0; from <= static_cast<int>(TrialState::kCancelled); ++from) {
    const auto state = static_cast<TrialState>(from);
    EXPECT_EQ(allowed(state, TrialState::kRunning), state == TrialState::kAssigned) << name(state);
    EXPECT_FALSE(allowed(state, state)) << name(state);
  }
}

TEST(TrialEdges, NumbersIdentifyEdges) {
  EXPECT_EQ(trial_edge(TrialState::kWaiting, TrialState::kQueued), 1);
  EXPECT_EQ(trial_edge(TrialState::kRunning, TrialState::kSucceeded), 7);
  EXPECT_EQ(trial_edge(TrialState::kSucceeded, TrialState::kFailed), 0);
}

}  // namespace
}  // namespace autonorm::engine
