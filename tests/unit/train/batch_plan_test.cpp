#include "core/train/batch_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace autonorm::train {
namespace {

config::TrainConfig plan_config(int64_t accumulate = 1) {
  config::TrainConfig config;
  config.epochs = 3;
  config.batch = 16;
  config.accumulate = accumulate;
  return config;
}

TEST(BatchPlan, KeepsTheLastPartialBatch) {
  const BatchPlan plan(plan_config(), 0, 37, 0, 1);
  EXPECT_EQ(plan.steps_per_epoch(), 3);
  EXPECT_EQ(plan.total_steps(), 9);
  EXPECT_EQ(plan.global_batch(2), (Range{32, 37}));
  EXPECT_EQ(plan.global_batch(3), (Range{0, 16}));
}

TEST(BatchPlan, EveryEpochIsAnotherPermutationOfAllSamples) {
  const BatchPlan plan(plan_config(), 0, 37, 0, 1);
  std::vector<int64_t> all(37);
  std::iota(all.begin(), all.end(), int64_t{0});
  const auto first = plan.order(0), second = plan.order(1);
  EXPECT_TRUE(std::ranges::is_permutation(first, all));
  EXPECT_NE(first, second);
  EXPECT_EQ(first, BatchPlan(plan_config(), 0, 37, 1, 2).order(0));
  EXPECT_NE(first, BatchPlan(plan_config(), 1, 37, 0, 1).order(0));
}

TEST(BatchPlan, WithoutShufflingKeepsTheOrderOfTheFile) {
  config::TrainConfig config = plan_config();
  config.shuffle = false;
  std::vector<int64_t> all(37);
  std::iota(all.begin(), all.end(), int64_t{0});
  const BatchPlan plan(config, 0, 37, 0, 1);
  EXPECT_EQ(plan.order(0), all);
  EXPECT_EQ(plan.order(2), all);
}

// Whatever the number of ranks: the ranks' pieces of a micro-batch are disjoint, in order, and the same samples
// together.
TEST(BatchPlan, RanksPartitionEachMicroBatch) {
  for (const int ranks : {1, 2, 3, 8, 20}) {
    for (const int64_t accumulate : {1, 2, 3}) {
      for (int64_t step = 0; step < 3; ++step) {
        int64_t next = BatchPlan(plan_config(), 0, 37, 0, 1).global_batch(step).first;
        for (int64_t micro = 0; micro < accumulate; ++micro) {
          const BatchPlan alone(plan_config(accumulate), 0, 37, 0, 1);
          EXPECT_EQ(alone.local_micro_batch(step, micro).first, next);
          for (int rank = 0; rank < ranks; ++rank) {
            const Range range = BatchPlan(plan_config(accumulate), 0, 37, rank, ranks).local_micro_batch(step, micro);
            EXPECT_EQ(range.first, next);
            EXPECT_GE(range.size(), 0);
            next = range.last;
          }
          EXPECT_EQ(alone.local_micro_batch(step, micro).last, next);
        }
        EXPECT_EQ(next, BatchPlan(plan_config(), 0, 37, 0, 1).global_batch(step).last);
      }
    }
  }
}

TEST(BatchPlan, MoreRanksThanSamplesLeaveSomeWithNone) {
  int empty = 0;
  for (int rank = 0; rank < 8; ++rank)
    empty += BatchPlan(plan_config(), 0, 37, rank, 8).local_micro_batch(2, 0).size() == 0;
  EXPECT_EQ(empty, 3);
}

}  // namespace
}  // namespace autonorm::train
