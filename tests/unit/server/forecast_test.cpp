#include "coordinator/server/forecast.h"

#include <gtest/gtest.h>

namespace autonorm::server {
namespace {

// `cells` configurations × `seeds` seeds; the cells differ in their learning rate.
config::Sweep sweep_of(int cells, int seeds, int64_t ranks = 1) {
  config::Sweep sweep;
  for (int cell = 0; cell < cells; ++cell) {
    for (int seed = 0; seed < seeds; ++seed) {
      config::TrialConfig common;
      common.ranks = ranks;
      common.train.lr = 0.001 * (cell + 1);
      config::PlannedTrial trial;
      trial.common = std::make_shared<const config::TrialConfig>(common);
      trial.seed = static_cast<uint64_t>(seed);
      trial.id = config::trial_id(trial.config());
      sweep.trials.push_back(trial);
    }
  }
  return sweep;
}

TEST(Forecast, AnotherSeedOfTheSameCellTellsTheDuration) {
  const auto sweep = sweep_of(1, 3);
  const TrialId past = sweep.trials[0].id;
  EXPECT_EQ(forecast_s(sweep, {past}, {{past, 10.0}}, 1), 20.0);
  EXPECT_EQ(forecast_s(sweep, {past}, {{past, 10.0}}, 2), 10.0);
}

TEST(Forecast, ATrialIsNeverFasterThanItself) {
  const auto sweep = sweep_of(1, 2);
  const TrialId past = sweep.trials[0].id;
  EXPECT_EQ(forecast_s(sweep, {past}, {{past, 10.0}}, 8), 10.0);
}

TEST(Forecast, AGangOccupiesASlotPerRank) {
  const auto sweep = sweep_of(1, 2, 2);
  const TrialId past = sweep.trials[0].id;
  EXPECT_EQ(forecast_s(sweep, {past}, {{past, 10.0}}, 2), 10.0);
  EXPECT_EQ(forecast_s(sweep, {}, {{past, 10.0}}, 2), 20.0);
}

TEST(Forecast, UnknownWhenACellHasNoPast) {
  const auto sweep = sweep_of(2, 2);
  const TrialId past = sweep.trials[0].id;
  EXPECT_EQ(forecast_s(sweep, {past}, {{past, 10.0}}, 4), std::nullopt);
}

TEST(Forecast, UnknownWithoutSlotsAndZeroWhenAllIsDone) {
  const auto sweep = sweep_of(1, 1);
  const TrialId past = sweep.trials[0].id;
  EXPECT_EQ(forecast_s(sweep, {}, {{past, 10.0}}, 0), std::nullopt);
  EXPECT_EQ(forecast_s(sweep, {past}, {}, 4), 0.0);
}

}  // namespace
}  // namespace autonorm::server
