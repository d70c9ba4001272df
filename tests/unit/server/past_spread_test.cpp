#include "coordinator/server/past_spread.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/base/sha256.h"
#include "core/base/text.h"

namespace autonorm::server {
namespace {

// Base, A and B on one data set, seeds 0 to 3; the values of trial "variant/seed".
config::Sweep three_variants() {
  config::Sweep sweep;
  sweep.baseline = "Base";
  const auto labels = std::make_shared<const config::CellLabels>(config::CellLabels{{"data.name", "digits"}});
  for (const std::string variant : {"Base", "A", "B"}) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      sweep.cells.push_back({variant, labels, seed, sweep.trials.size()});
      config::PlannedTrial trial;
      trial.id = TrialId(sha256(cat(variant, '/', seed)).value());
      sweep.trials.push_back(trial);
    }
  }
  return sweep;
}

void put(std::map<TrialId, double>& values, const std::string& variant, const std::vector<double>& by_seed) {
  for (size_t seed = 0; seed < by_seed.size(); ++seed)
    values[TrialId(sha256(cat(variant, '/', seed)).value())] = by_seed[seed];
}

TEST(PastSpread, PoolsTheVariancesOfTheDifferences) {
  std::map<TrialId, double> values;
  put(values, "Base", {1, 2, 3, 4});
  put(values, "A", {1, 3, 5});     // differences 0, 1, 2: variance 1, 2 degrees of freedom
  put(values, "B", {5, 2, 7, 4});  // 4, 0, 4, 0: variance 16/3, 3 degrees of freedom
  const auto spread = past_spread(three_variants(), values);
  ASSERT_TRUE(spread);
  EXPECT_DOUBLE_EQ(spread->sd, std::sqrt(18.0 / 5));
  EXPECT_EQ(spread->pairs, 7);
}

TEST(PastSpread, IsUnknownWithoutTwoPairs) {
  std::map<TrialId, double> values;
  EXPECT_FALSE(past_spread(three_variants(), values));
  put(values, "A", {1, 3, 5});
  EXPECT_FALSE(past_spread(three_variants(), values));
  put(values, "Base", {1});
  EXPECT_FALSE(past_spread(three_variants(), values));
}

// Trials that a variant shares with the baseline say nothing about noise.
TEST(PastSpread, SharedTrialsDoNotCount) {
  config::Sweep sweep = three_variants();
  for (config::Cell& cell : sweep.cells) {
    if (cell.variant != "Base") cell.trial = cell.seed;
  }
  std::map<TrialId, double> values;
  put(values, "Base", {1, 2, 3, 4});
  EXPECT_FALSE(past_spread(sweep, values));
}

}  // namespace
}  // namespace autonorm::server
