#include "coordinator/cli/plan_text.h"

#include <gtest/gtest.h>

#include "coordinator/cli/sweep_file.h"
#include "core/stats/power.h"
#include "tests/unit/server/running_server.h"

namespace autonorm::cli {
namespace {

config::Sweep expanded(const config::SweepSource& source) {
  auto sweep = config::expand_sweep(source);
  EXPECT_TRUE(sweep.ok()) << sweep.status().message();
  return *std::move(sweep);
}

TEST(PlanText, ShowsCellsTrialsSlotsTimeAndThePowerCheck) {
  const auto sweep = expanded(small_sweep(3));
  ServerPlan server{.cached = {sweep.trials[sweep.cells[0].trial].id}, .predicted_s = 90, .slots = 2};
  const std::string expected =
      "sweep   small: ?\n"
      "cells   6 = 2 variants × 1 column × 3 seeds\n"
      "trials  6 distinct trials: 5 new, 1 cached\n"
      "slots   at least 1 worker; more than 6 are never used at once; connected now: 2\n"
      "time    about 1 min 30 s with the workers connected now\n"
      "\n"
      "variant                        digits  ranks\n"
      "LayerNorm (baseline)  2 new, 1 cached      1\n"
      "RMSNorm                         3 new      1\n"
      "\n";
  EXPECT_EQ(plan_text(sweep, server), expected + stats::power_check_text(3, 1, sweep.margin, sweep.alpha));
}

TEST(PlanText, WithoutAServerItSaysWhatItDoesNotKnow) {
  const std::string text = plan_text(expanded(small_sweep(2, "small", 2)), std::nullopt);
  EXPECT_NE(text.find("trials  4 distinct trials; new or cached: unknown without a coordinator\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("slots   at least 2 workers of one mpirun; more than 8 are never used at once\n"),
            std::string::npos);
  EXPECT_NE(text.find("time    unknown without a coordinator\n"), std::string::npos);
}

TEST(PlanText, OneSeedCannotCompare) {
  const std::string text = plan_text(expanded(small_sweep(1)), std::nullopt);
  EXPECT_NE(text.find("no comparison is possible"), std::string::npos) << text;
}

TEST(PlanText, BothShippedSweepsPlan) {
  const std::string folder = AUTONORM_SOURCE_DIR "/sweeps/";
  const auto quickstart = load_sweep_file(folder + "quickstart.toml");
  ASSERT_TRUE(quickstart.ok()) << quickstart.status().message();
  EXPECT_NE(plan_text(quickstart->sweep, std::nullopt).find("trials  18 distinct trials"), std::string::npos);
  EXPECT_EQ(largest_gang(quickstart->sweep), 2);
  EXPECT_EQ(comparisons(quickstart->sweep), 5);
  const auto ablation = load_sweep_file(folder + "ablation.toml");
  ASSERT_TRUE(ablation.ok()) << ablation.status().message();
  EXPECT_NE(plan_text(ablation->sweep, std::nullopt).find("trials  60 distinct trials"), std::string::npos);
  EXPECT_EQ(comparisons(ablation->sweep), 10);
}

}  // namespace
}  // namespace autonorm::cli
