// A trial that was interrupted and resumed ends bit-identically to one that was not.
#include <gmock/gmock.h>

#include "core/config/catalogue.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

using testing::HasSubstr;
using Outcome = TrialResult::Outcome;

// `full` ran through and left a checkpoint at `step`; going on from there must give the same end and the same points
// after it.
void expect_same_end(const TestRun& full, const config::TrialConfig& config, int64_t step,
                     const std::filesystem::path& folder) {
  TestRun resumed;
  run_alone(resumed, config, {.resume = folder});
  ASSERT_TRUE(resumed.result->ok()) << resumed.result->status().message();
  EXPECT_EQ(resumed->outcome, Outcome::kCompleted);
  EXPECT_EQ(resumed->facts.at("weights_sha256"), full->facts.at("weights_sha256")) << "resumed at step " << step;
  EXPECT_EQ(resumed->facts.at("order_sha256"), full->facts.at("order_sha256"));
  EXPECT_EQ(resumed->initial, full->initial);
  for (const char* metric : {"train/loss", "train/lr", "val/accuracy", "val/loss"}) {
    EXPECT_EQ(resumed.sink.curve(metric), full.sink.curve(metric, step)) << metric << ", resumed at step " << step;
  }
  for (const char* metric : {"train/loss", "val/accuracy", "val/loss", "test/accuracy", "test/loss"}) {
    EXPECT_EQ(resumed->results.at(metric), full->results.at(metric)) << metric;
  }
}

// Each of the steps at which it left a checkpoint.
void expect_resumable(const config::TrialConfig& config, std::initializer_list<int64_t> steps) {
  TestRun full;
  run_alone(full, config);
  for (const int64_t step : steps) expect_same_end(full, config, step, full.sink.checkpoints.at(step));
}

TEST(Resume, FromEveryCheckpointEndsWithTheSameWeightsAndPoints) {
  config::TrialConfig config = small_config();
  config.train.log_every = 3;
  config.train.checkpoint_every = 3;
  TestRun full;
  run_alone(full, config);
  ASSERT_EQ(full.sink.checkpoints.size(), 8u);  // 3, 6, …, 21 and the final one at 24
  for (const auto& [step, folder] : full.sink.checkpoints) {
    EXPECT_EQ(step % 3, 0);
    expect_same_end(full, config, step, folder);
  }
}

TEST(Resume, KeepsTheNoiseOfRandomGates) {
  config::TrialConfig config = small_config();
  config.train.checkpoint_every = 4;
  config::NormConfig selector{.kind = config::NormKind::kSelector};
  selector.branches = {{.kind = config::NormKind::kScale}, {.kind = config::NormKind::kLayer}};
  selector.gate = config::Gate::kGumbel;
  config.norm_sites["embed"] = selector;
  expect_resumable(config, {12});
}

TEST(Resume, KeepsTheNoiseOfMixedAndErasedImages) {
  config::TrialConfig config = small_config();
  config.train.checkpoint_every = 4;
  config.train.augment = config::Augment::kCropFlip;
  config.train.policy = config::Policy::kRandAugment;
  config.train.erase = 0.5;
  config.train.mixup = 0.8;
  config.train.cutmix = 1;
  config.train.layer_decay = 0.7;
  TestRun full, plain;
  run_alone(full, config);
  expect_same_end(full, config, 12, full.sink.checkpoints.at(12));
  config.train.mixup = config.train.cutmix = 0;
  run_alone(plain, config);
  EXPECT_NE(plain->facts.at("weights_sha256"), full->facts.at("weights_sha256"));
}

TEST(Resume, KeepsWhatEachOptimizerRemembersAndTheAveragedWeights) {
  for (const std::string_view word : config::words<config::OptimizerKind>()) {
    SCOPED_TRACE(word);
    config::TrialConfig config = small_config();
    config.train.optimizer = *config::parse_word<config::OptimizerKind>(word);
    config.train.ema = 0.99;
    config.train.checkpoint_every = 4;
    expect_resumable(config, {8, 24});
  }
}

// What is judged and kept is the average; what goes on learning is not.
TEST(Resume, AveragedWeightsAreWhatATrialHasToShow) {
  config::TrialConfig config = small_config();
  config.train.checkpoint_every = 4;
  TestRun plain, averaged;
  run_alone(plain, config);
  config.train.ema = 0.9;
  run_alone(averaged, config);
  EXPECT_EQ(averaged.sink.curve("train/loss"), plain.sink.curve("train/loss"));
  EXPECT_NE(averaged.sink.curve("val/loss"), plain.sink.curve("val/loss"));
  EXPECT_NE(averaged->facts.at("weights_sha256"), plain->facts.at("weights_sha256"));
  const auto tensors = [](const TestRun& run, int64_t step) {
    const auto loaded = checkpoint::load(run.sink.checkpoints.at(step)).value();
    return std::map<std::string, at::Tensor>(loaded.tensors.begin(), loaded.tensors.end());
  };
  const auto before = tensors(averaged, 20), at_the_end = tensors(averaged, 24), plain_end = tensors(plain, 24);
  for (const auto& [name, value] : at_the_end) {
    if (!name.starts_with("ema.")) continue;
    const std::string weight = "model." + name.substr(4);
    EXPECT_TRUE(norms::same_bits(at_the_end.at(weight), value)) << name;
    EXPECT_FALSE(norms::same_bits(before.at(weight), before.at(name))) << name;
    EXPECT_TRUE(norms::same_bits(before.at(weight), tensors(plain, 20).at(weight))) << name;
    EXPECT_FALSE(norms::same_bits(at_the_end.at(weight), plain_end.at(weight))) << name;
  }
}

TEST(Resume, KeepsTheStateOfNorms) {
  for (const auto& [name, norm] : stateful_norms()) {
    SCOPED_TRACE(name);
    config::TrialConfig config = small_config();
    config.norm = norm;
    config.train.accumulate = 2;
    config.train.checkpoint_every = 4;
    expect_resumable(config, {4, 16});
  }
}

TEST(Resume, AfterAStopThatAskedForACheckpoint) {
  const config::TrialConfig config = small_config();
  TestRun full, stopped;
  run_alone(full, config);
  stopped.sink.on_progress = [&](int64_t step) {
    if (step == 8) stopped.stop = StopRequest::kCheckpoint;
  };
  run_alone(stopped, config);
  EXPECT_EQ(stopped->outcome, Outcome::kStopped);
  EXPECT_EQ(stopped->step, 12);  // the next multiple of log_every
  ASSERT_EQ(stopped.sink.checkpoints.size(), 1u);
  expect_same_end(full, config, 12, stopped.sink.checkpoints.at(12));
}

// Weights of two builds are of neither alone: the result names both.
TEST(Resume, NamesTheBuildsThatTrainedBefore) {
  config::TrialConfig config = small_config();
  config.train.checkpoint_every = 8;
  TestRun full;
  run_alone(full, config);
  const std::string own = full->facts.at("build");
  auto checkpoint = checkpoint::load(full.sink.checkpoints.at(8)).value();
  const auto build_after = [&](const nlohmann::json& builds) {
    checkpoint.host_state["builds"] = builds;
    if (builds.is_null()) checkpoint.host_state.erase("builds");
    TestRun resumed;
    run_alone(resumed, config, {.resume = checkpoint::save(resumed.folder.path() / "other", checkpoint).value()});
    EXPECT_EQ(resumed->facts.at("weights_sha256"), full->facts.at("weights_sha256"));
    return resumed->facts.at("build");
  };
  EXPECT_EQ(build_after({own}), own);
  EXPECT_EQ(build_after({"older", "old"}), "older, then old, then " + own);
  EXPECT_EQ(build_after(nullptr), "unknown, then " + own);  // of a release that did not write it
}

TEST(Resume, RefusesTheCheckpointOfAnotherTrial) {
  config::TrialConfig config = small_config();
  TestRun first, second;
  run_alone(first, config);
  config.train.lr = 1e-4;
  run_alone(second, config, {.resume = first->final_checkpoint});
  ASSERT_FALSE(second.result->ok());
  EXPECT_THAT(second.result->status().message(), HasSubstr("belongs to trial"));
}

TEST(Resume, NamesTheFolderThatCannotBeLoaded) {
  TestRun run;
  run_alone(run, small_config(), {.resume = run.folder.path() / "nothing"});
  ASSERT_FALSE(run.result->ok());
  EXPECT_THAT(run.result->status().message(), HasSubstr("nothing"));
}

}  // namespace
}  // namespace autonorm::train
