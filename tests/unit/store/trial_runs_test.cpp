#include "coordinator/store/trial_runs.h"

#include <gtest/gtest.h>

namespace autonorm::store {
namespace {

using Shown = std::vector<std::pair<int64_t, size_t>>;

Shown rows(TrialRuns& runs, int64_t trial) {
  const auto found = runs.rows_of(trial);
  return {found.begin(), found.end()};
}

TEST(TrialRuns, NeighboursAreOneRunAndDistantTrialsAreNot) {
  const TrialRuns runs({{5, 0}, {3, 1}, {4, 2}, {900, 3}, {910, 4}});
  ASSERT_EQ(runs.runs().size(), 2U);
  EXPECT_EQ(runs.runs()[0].first, 3);
  EXPECT_EQ(runs.runs()[0].last, 5);
  EXPECT_EQ(runs.runs()[1].first, 900);
  EXPECT_EQ(runs.runs()[1].last, 910);
}

TEST(TrialRuns, ATrialIsFoundWithAllRowsThatShowItInAnyOrderOfQuestions) {
  TrialRuns runs({{7, 0}, {3, 1}, {7, 2}, {8, 3}});
  EXPECT_EQ(rows(runs, 3), (Shown{{3, 1}}));
  EXPECT_EQ(rows(runs, 5), Shown{}) << "of another sweep";
  EXPECT_EQ(rows(runs, 7), (Shown{{7, 0}, {7, 2}}));
  EXPECT_EQ(rows(runs, 7), (Shown{{7, 0}, {7, 2}})) << "again: a second row of the database about it";
  EXPECT_EQ(rows(runs, 8), (Shown{{8, 3}}));
  EXPECT_EQ(rows(runs, 9), Shown{});
  EXPECT_EQ(rows(runs, 3), (Shown{{3, 1}})) << "from the start: the next table";
}

TEST(TrialRuns, NothingShownHasNoRuns) {
  TrialRuns runs({});
  EXPECT_TRUE(runs.runs().empty());
  EXPECT_EQ(rows(runs, 1), Shown{});
}

}  // namespace
}  // namespace autonorm::store
