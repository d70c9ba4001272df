#include "coordinator/cli/plan_text.h"

#include <gtest/gtest.h>

#include <sstream>

#include "coordinator/cli/sweep_file.h"
#include "coordinator/cli/text_table.h"
#include "core/base/text.h"
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

TEST(PlanText, TakesTheSpreadThatIsKnown) {
  ServerPlan server;
  server.past_spread = stats::KnownSpread{.sd = 0.01, .pairs = 12};
  EXPECT_NE(plan_text(expanded(small_sweep(3)), server).find("spread 0.01, known from 12 pairs of past trials"),
            std::string::npos);
}

TEST(PlanText, NamesWhatIsTrainedOnceForAllSeeds) {
  config::SweepSource source = small_sweep(3);
  EXPECT_EQ(plan_text(expanded(source), std::nullopt).find("stages  "), std::string::npos);
  source.files.at("small.toml") +=
      "[[variant]]\nname = \"student\"\ntrain = { distill = { from = \"teacher\" } }\n"
      "[stage.teacher]\nseed = \"shared\"\n";
  EXPECT_NE(plan_text(expanded(source), std::nullopt)
                .find("\nstages  stage teacher is trained once for all seeds (seed = \"shared\"): differences hold for "
                      "that run only\n"),
            std::string::npos);
}

TEST(PlanText, WithoutAServerItSaysWhatItDoesNotKnow) {
  const std::string text = plan_text(expanded(small_sweep(2, "small", 2)), std::nullopt);
  EXPECT_NE(text.find("trials  4 distinct trials; new or cached: unknown without a coordinator\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("slots   at least 2 workers of one mpirun; more than 8 are never used at once\n"),
            std::string::npos);
  EXPECT_NE(text.find("time    unknown without a coordinator\n"), std::string::npos);
}

// 50 variants × 100 columns: the table keeps to 40 rows and 8 columns, and what is left out is counted.
TEST(PlanText, ALargeTableSumsUpTheRest) {
  std::string text =
      "[sweep]\nname = \"large\"\nquestion = \"?\"\nbaseline = \"v0\"\nmetric = \"test/accuracy\"\n"
      "seeds = { count = 2 }\n[base]\ndata = { name = \"digits\" }\nmodel = { family = \"vit\" }\n[matrix]\n"
      "\"train.lr\" = [";
  for (int i = 1; i <= 100; ++i) text += cat(i == 1 ? "" : ", ", 0.0001 * i);
  text += "]\n";
  for (int i = 0; i < 50; ++i)
    text += cat("[[variant]]\nname = \"v", i, "\"\ntrain = { weight_decay = ", 0.01 * i, " }\n");
  const std::string plan = plan_text(expanded({.root = "a.toml", .files = {{"a.toml", text}}}), std::nullopt);
  EXPECT_NE(plan.find("cells   10,000 = 50 variants × 100 columns × 2 seeds\n"), std::string::npos) << plan;
  EXPECT_NE(plan.find("0.0007  ... and 93 more  ranks\n"), std::string::npos) << plan;
  EXPECT_EQ(plan.find("0.0008"), std::string::npos);
  EXPECT_NE(plan.find("\nv38 "), std::string::npos);
  EXPECT_EQ(plan.find("\nv39 "), std::string::npos);
  EXPECT_NE(plan.find("\n... and 11 more"), std::string::npos) << plan;
  EXPECT_NE(plan.find("186"), std::string::npos) << "2 seeds of 93 columns";
  EXPECT_NE(plan.find("2046"), std::string::npos) << "2 seeds of 93 columns of 11 variants";
  std::istringstream lines(plan);
  for (std::string line; std::getline(lines, line);) EXPECT_LT(display_width(line), 200U) << line;
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
