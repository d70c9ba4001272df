// What a trial says about corrupted test images and about views of an image.
#include <gmock/gmock.h>

#include "core/data/corruption.h"
#include "tests/support/thread_group.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

config::TrialConfig corrupted_config() {
  config::TrialConfig config = small_config();
  config.data.corruptions = {config::Corruption::kGaussianNoise, config::Corruption::kContrast};
  return config;
}

TEST(Robustness, ReportsEachCorruptionTheirMeanAndWhatTheyCost) {
  TestRun plain, run;
  run_alone(plain, small_config());
  run_alone(run, corrupted_config());
  const auto& found = run->results;
  EXPECT_EQ(run->facts.at("weights_sha256"), plain->facts.at("weights_sha256"));
  EXPECT_EQ(found.at("test/accuracy"), plain->results.at("test/accuracy"));
  const double noise = found.at("corrupted/gaussian_noise"), contrast = found.at("corrupted/contrast");
  EXPECT_NEAR(found.at("test/corrupted_accuracy"), (noise + contrast) / 2, 1e-12);
  EXPECT_NEAR(found.at("test/corruption_drop"), found.at("test/accuracy") - (noise + contrast) / 2, 1e-12);
  EXPECT_FALSE(found.contains("corrupted/rotate"));
  EXPECT_FALSE(plain->results.contains("test/corrupted_accuracy"));
}

TEST(Robustness, IsTheMeanOverSeverities) {
  double sum = 0;
  for (int64_t severity = 1; severity <= data::kSeverities; ++severity) {
    TestRun one;
    config::TrialConfig config = corrupted_config();
    config.data.corruptions = {config::Corruption::kTranslate};
    config.data.severity = severity;
    run_alone(one, config);
    sum += one->results.at("corrupted/translate");
  }
  TestRun all;
  config::TrialConfig config = corrupted_config();
  config.data.corruptions = {config::Corruption::kTranslate};
  run_alone(all, config);
  EXPECT_NEAR(all->results.at("corrupted/translate"), sum / data::kSeverities, 1e-12);
}

TEST(Robustness, AnyNumberOfRanksSaysTheSame) {
  TestRun alone;
  run_alone(alone, corrupted_config());
  config::TrialConfig config = corrupted_config();
  config.ranks = 3;
  std::vector<TestRun> runs(3);
  test::run_ranks(3, [&](distributed::Gang& gang) { run_into(runs[static_cast<size_t>(gang.rank())], config, gang); });
  ASSERT_TRUE(runs[0].result->ok()) << runs[0].result->status().message();
  // Its weights differ by rounding from those of one rank; 31 test images do not see that.
  EXPECT_EQ(runs[0]->results.at("test/corrupted_accuracy"), alone->results.at("test/corrupted_accuracy"));
}

TEST(Robustness, ViewsChangeTheTestAloneNotTheTraining) {
  TestRun plain, views;
  config::TrialConfig config = small_config();
  run_alone(plain, config);
  config.data.tta = true;
  run_alone(views, config);
  EXPECT_EQ(views->facts.at("weights_sha256"), plain->facts.at("weights_sha256"));
  EXPECT_EQ(views->results.at("val/loss"), plain->results.at("val/loss"));
  EXPECT_NE(views->results.at("test/loss"), plain->results.at("test/loss"));
}

}  // namespace
}  // namespace autonorm::train
