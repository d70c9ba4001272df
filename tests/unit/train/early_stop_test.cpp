// Early stopping: when training ends, and whose weights are judged and kept.
#include <gmock/gmock.h>

#include <algorithm>

#include "core/checkpoint/checkpoint.h"
#include "tests/support/thread_group.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

using Outcome = TrialResult::Outcome;
constexpr int64_t kStepsPerEpoch = 8;  // of synthetic_dataset()

// Its rate is so large that validation goes up and down.
config::TrialConfig restless(int64_t patience) {
  config::TrialConfig config = small_config();
  config.train.epochs = 12;
  config.train.schedule = config::Schedule::kConstant;
  config.train.warmup = 0;
  config.train.lr = 0.05;
  config.train.patience = patience;
  return config;
}

// The epoch (from 1) after which training should end, and the one whose weights should be kept, by the rule.
std::pair<int64_t, int64_t> expected_end(const RecordingSink& sink, int64_t patience) {
  const auto loss = sink.curve("val/loss"), accuracy = sink.curve("val/accuracy");
  double lowest = loss.front().second, highest = accuracy.front().second;
  int64_t kept = 1, worse = 0;
  for (size_t i = 1; i < loss.size(); ++i) {
    const bool better = loss[i].second < lowest || accuracy[i].second > highest;
    lowest = std::min(lowest, loss[i].second);
    highest = std::max(highest, accuracy[i].second);
    worse = better ? 0 : worse + 1;
    if (better) kept = static_cast<int64_t>(i) + 1;
    if (worse == patience) return {static_cast<int64_t>(i) + 1, kept};
  }
  return {static_cast<int64_t>(loss.size()), kept};
}

TEST(EarlyStop, EndsAfterAsManyValidationsWithoutAnImprovement) {
  config::TrialConfig config = small_config();
  config.train.lr = 0;  // the first validation is as good as all others
  config.train.epochs = 9;
  config.train.patience = 3;
  config.train.log_every = 5;
  TestRun run;
  run_alone(run, config);
  ASSERT_EQ(run->outcome, Outcome::kCompleted);
  EXPECT_EQ(run->step, 4 * kStepsPerEpoch);
  EXPECT_EQ(run->facts.at("final_step"), "32");
  EXPECT_EQ(run->facts.at("weights_of_step"), "8");
  EXPECT_EQ(run.sink.curve("val/loss").size(), 4u);
  TestRun endless;
  config.train.patience = 0;
  run_alone(endless, config);
  EXPECT_EQ(run->facts.at("order_sha256"), endless->facts.at("order_sha256")) << "their pairs are clean";
  EXPECT_EQ(run.sink.curve("train/loss").back().first, 32) << "the last steps belong to no point";
}

TEST(EarlyStop, JudgesAndKeepsTheWeightsOfTheBestValidation) {
  TestRun endless, stopped, until_best;
  run_alone(endless, restless(0));
  const auto [end, kept] = expected_end(endless.sink, 2);
  ASSERT_LT(kept, end) << "the trial is too calm for this test";
  run_alone(stopped, restless(2));
  EXPECT_EQ(stopped->step, end * kStepsPerEpoch);
  EXPECT_EQ(stopped->facts.at("weights_of_step"), cat(kept * kStepsPerEpoch));
  config::TrialConfig shorter = restless(0);
  shorter.train.epochs = kept;
  run_alone(until_best, shorter);
  EXPECT_EQ(stopped->facts.at("weights_sha256"), until_best->facts.at("weights_sha256"));
  for (const char* metric : {"test/accuracy", "test/loss", "val/accuracy", "val/loss"}) {
    EXPECT_EQ(stopped->results.at(metric), until_best->results.at(metric)) << metric;
  }
  const auto final = checkpoint::load(stopped->final_checkpoint);
  for (const auto& [name, value] : final->tensors) EXPECT_FALSE(name.starts_with("best.")) << name;
}

TEST(EarlyStop, KeepsTheBestWeightsOfATrainingThatRanToItsEnd) {
  TestRun endless, run;
  run_alone(endless, restless(0));
  const auto [end, kept] = expected_end(endless.sink, 1000);
  ASSERT_LT(kept, end);
  run_alone(run, restless(1000));
  EXPECT_EQ(run->step, 12 * kStepsPerEpoch);
  EXPECT_EQ(run->facts.at("weights_of_step"), cat(kept * kStepsPerEpoch));
}

TEST(EarlyStop, ResumesBitIdentically) {
  config::TrialConfig config = restless(3);
  config.train.ema = 0.5;
  config.norm = config::default_norm(config::NormKind::kBatch);
  config.train.checkpoint_every = config.train.log_every = 4;
  TestRun full;
  run_alone(full, config);
  ASSERT_GE(full.sink.checkpoints.size(), 4u);
  for (const auto& [step, folder] : full.sink.checkpoints) {
    TestRun resumed;
    run_alone(resumed, config, {.resume = folder});
    ASSERT_TRUE(resumed.result->ok()) << resumed.result->status().message();
    for (const char* fact : {"weights_sha256", "weights_of_step", "final_step"}) {
      EXPECT_EQ(resumed->facts.at(fact), full->facts.at(fact)) << fact << ", resumed at step " << step;
    }
    for (const char* metric : {"test/loss", "val/loss", "val/accuracy"}) {
      EXPECT_EQ(resumed->results.at(metric), full->results.at(metric)) << metric << ", resumed at step " << step;
    }
  }
}

TEST(EarlyStop, AllRanksEndTogether) {
  config::TrialConfig config = restless(2);
  config.ranks = 2;
  std::vector<TestRun> runs(2);
  test::run_ranks(2, [&](distributed::Gang& gang) { run_into(runs[static_cast<size_t>(gang.rank())], config, gang); });
  ASSERT_TRUE(runs[0].result->ok()) << runs[0].result->status().message();
  const auto [end, kept] = expected_end(runs[0].sink, 2);
  for (const TestRun& run : runs) {
    EXPECT_EQ(run->step, end * kStepsPerEpoch);
    EXPECT_EQ(run->facts.at("weights_of_step"), cat(kept * kStepsPerEpoch));
    EXPECT_EQ(run->facts.at("weights_sha256"), runs[0]->facts.at("weights_sha256"));
  }
}

}  // namespace
}  // namespace autonorm::train
