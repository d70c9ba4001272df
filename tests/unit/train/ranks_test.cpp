// 1, 2 and 3 ranks train the same thing, the last partial batch included.
#include <gtest/gtest.h>

#include "core/config/catalogue.h"
#include "tests/support/thread_group.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

// Runs on `ranks` threads; returns the leader's run.
std::unique_ptr<TestRun> run_on(int ranks, config::TrialConfig config, const RunOptions& options = {}) {
  config.ranks = ranks;
  auto leader = std::make_unique<TestRun>();
  std::vector<TestRun> others(static_cast<size_t>(ranks));
  test::run_ranks(ranks, [&](distributed::Gang& gang) {
    run_into(gang.leads() ? *leader : others[static_cast<size_t>(gang.rank())], config, gang, options);
  });
  for (int rank = 1; rank < ranks; ++rank) {
    const TestRun& other = others[static_cast<size_t>(rank)];
    EXPECT_TRUE(other.result->ok()) << other.result->status().message();
    EXPECT_EQ(other->facts.at("weights_sha256"), (*leader)->facts.at("weights_sha256")) << "rank " << rank;
    EXPECT_EQ(other->outcome, (*leader)->outcome);
    EXPECT_TRUE(other.sink.checkpoints.empty());
  }
  return leader;
}

void expect_near(const TestRun& a, const TestRun& b, const std::string& metric, double tolerance) {
  const auto left = a.sink.curve(metric), right = b.sink.curve(metric);
  ASSERT_EQ(left.size(), right.size()) << metric;
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].first, right[i].first);
    EXPECT_NEAR(left[i].second, right[i].second, tolerance) << metric << " at step " << left[i].first;
  }
}

void expect_same_training(const config::TrialConfig& config, std::vector<int> sizes) {
  const auto alone = run_on(1, config);
  for (const int ranks : sizes) {
    const auto together = run_on(ranks, config);
    expect_near(*alone, *together, "train/loss", 1e-5);
    expect_near(*alone, *together, "val/loss", 1e-5);
    expect_near(*alone, *together, "test/accuracy", 0.0);
    EXPECT_EQ((*alone)->facts.at("order_sha256"), (*together)->facts.at("order_sha256"));
    EXPECT_EQ((*alone)->initial, (*together)->initial);
  }
}

TEST(Ranks, OneTwoAndThreeHaveTheSameLosses) { expect_same_training(small_config(), {2, 3}); }

TEST(Ranks, WithAccumulation) {
  config::TrialConfig config = small_config();
  config.train.accumulate = 2;
  expect_same_training(config, {3});
}

TEST(Ranks, WithAugmentedImages) {
  config::TrialConfig config = small_config();
  config.train.augment = config::Augment::kCropFlip;
  expect_same_training(config, {3, 8});
  TestRun plain, augmented;
  run_alone(plain, small_config());
  run_alone(augmented, config);
  EXPECT_NE(plain->facts.at("weights_sha256"), augmented->facts.at("weights_sha256"));
  EXPECT_EQ(plain->facts.at("order_sha256"), augmented->facts.at("order_sha256"));
}

// Partners may be another rank's samples.
TEST(Ranks, WithMixedAndErasedImages) {
  for (const auto& [mixup, cutmix] : {std::pair{0.8, 0.0}, {0.0, 1.0}, {0.8, 1.0}}) {
    config::TrialConfig config = small_config();
    config.train.augment = config::Augment::kCropFlip;
    config.train.policy = config::Policy::kRandAugment;
    config.train.erase = 0.5;
    config.train.mixup = mixup;
    config.train.cutmix = cutmix;
    config.train.label_smoothing = 0.1;
    config.train.layer_decay = 0.7;
    expect_same_training(config, {3, 8});
    config.train.accumulate = 2;
    expect_same_training(config, {2});
  }
}

TEST(Ranks, WithEachOptimizerAndAveragedWeights) {
  for (const std::string_view word : config::words<config::OptimizerKind>()) {
    SCOPED_TRACE(word);
    config::TrialConfig config = small_config();
    config.train.optimizer = *config::parse_word<config::OptimizerKind>(word);
    config.train.ema = 0.99;
    expect_same_training(config, {3});
  }
}

// A rank measures its own samples: the penalty of features is a maximum, so only one rank has that of all.
TEST(Ranks, WithPenaltiesOfBlocksHaveTheSameWeightsEverywhere) {
  config::TrialConfig config = small_config();
  config.train.feature_decay = 0.01;
  config.train.feature_limit = 0.5;
  config.train.attention_peak = 0.1;
  const auto one = run_on(1, config), two = run_on(2, config);
  expect_near(*one, *two, "train/loss", 0.05);
  config.train.feature_decay = config.train.attention_peak = 0;
  EXPECT_NE((*run_on(1, config))->facts.at("weights_sha256"), (*one)->facts.at("weights_sha256"));
}

// The last batch has 5 samples: three of eight ranks get none.
TEST(Ranks, WithoutAnySampleStillStepTogether) { expect_same_training(small_config(), {8}); }

// Noise of dropout, skipped blocks and masks belongs to a sample, whoever trains it.
TEST(Ranks, EveryModelFamily) {
  for (const config::Kind& kind : config::models()) {
    SCOPED_TRACE(kind.name);
    config::TrialConfig config = small_config();
    config.model = config::default_model(*config::parse_word<config::ModelFamily>(kind.name));
    config.model.patch = 2;
    config.model.dim = config.model.decoder_dim = config.model.hidden = 16;
    config.model.depth = config.model.family == config::ModelFamily::kResnet ? 8 : 2;
    config.model.decoder_depth = 1;
    config.model.heads = config.model.decoder_heads = 2;
    config.model.token_dim = config.model.width = 4;
    if (config.model.family == config::ModelFamily::kVit) config.model.drop_path = 0.2;
    config.train.epochs = 2;
    expect_same_training(config, {3});
  }
}

TEST(Ranks, WithRandomGatesAndStats) {
  config::TrialConfig config = small_config();
  config::NormConfig selector{.kind = config::NormKind::kSelector};
  selector.branches = {{.kind = config::NormKind::kScale}, {.kind = config::NormKind::kLayer}};
  selector.gate = config::Gate::kRandom;
  config.norm_sites["embed"] = selector;
  const auto alone = run_on(1, config), together = run_on(3, config);
  expect_near(*alone, *together, "train/loss", 1e-5);
  expect_near(*alone, *together, "val/loss", 1e-5);
  const auto& a = alone->sink.stats.at(24).at("embed");
  const auto& b = together->sink.stats.at(24).at("embed");
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, value] : a) EXPECT_NEAR(value, b.at(name), 1e-5) << name;
}

TEST(Ranks, WithAllBranchesOfASoftGate) {
  config::TrialConfig config = small_config();
  config.norm = {.kind = config::NormKind::kSelector};
  config.norm.branches = {
      {.kind = config::NormKind::kScale}, {.kind = config::NormKind::kLayer}, {.kind = config::NormKind::kDyt}};
  config.norm.freeze = {config::NormKind::kLayer};
  expect_same_training(config, {2});
}

// Statistics over the samples of all ranks, also where some have none; the gradient norm of the reduced gradient.
// A shift before a norm over the batch has no gradient but rounding. Adam would make whole steps of it, which training
// does not see and the running values do: hence the large adam_eps.
TEST(Ranks, WithNormsThatSeeTheWholeBatch) {
  for (const auto& [name, norm] : stateful_norms()) {
    SCOPED_TRACE(name);
    config::TrialConfig config = small_config();
    config.norm = norm;
    config.train.adam_eps = 1e-3;
    expect_same_training(config, {2, 8});
  }
}

TEST(Ranks, NormsSeeEachMicroBatch) {
  config::TrialConfig config = small_config();
  config.norm = config::default_norm(config::NormKind::kBatch);
  const auto whole = run_on(1, config);
  config.train.accumulate = 2;
  const auto split = run_on(1, config);
  EXPECT_GT(std::abs(whole->sink.curve("train/loss").back().second - split->sink.curve("train/loss").back().second),
            1e-4);
}

// run_on compares the ranks' weights, running values included. Of 8 ranks three have no sample of the last batch.
TEST(Ranks, StatisticsPerRankDifferAndEvaluateAlike) {
  for (const auto kind : {config::NormKind::kBatch, config::NormKind::kUnified, config::NormKind::kPowerNorm,
                          config::NormKind::kPrepbn, config::NormKind::kSwitchable}) {
    SCOPED_TRACE(config::name(kind));
    config::TrialConfig config = small_config();
    config.norm = config::default_norm(kind);
    config.norm.warmup_iters = 3;
    config.norm.decay_iters = 20;
    const auto together = run_on(2, config);
    config.norm.statistics = config::Statistics::kPerRank;
    const auto apart = run_on(2, config);
    EXPECT_NE((*together)->facts.at("weights_sha256"), (*apart)->facts.at("weights_sha256"));
    config.train.checkpoint_every = 4;
    const auto full = run_on(8, config);
    const auto resumed = run_on(8, config, {.resume = full->sink.checkpoints.at(16)});
    EXPECT_EQ((*resumed)->facts.at("weights_sha256"), (*full)->facts.at("weights_sha256"));
  }
}

TEST(Ranks, ResumedGangEndsWithTheSameWeights) {
  config::TrialConfig config = small_config();
  config.train.checkpoint_every = 4;
  config.train.accumulate = 2;
  const auto full = run_on(3, config);
  for (const int64_t step : {4, 16}) {
    const auto resumed = run_on(3, config, {.resume = full->sink.checkpoints.at(step)});
    EXPECT_EQ((*resumed)->facts.at("weights_sha256"), (*full)->facts.at("weights_sha256"));
    EXPECT_EQ(resumed->sink.curve("train/loss"), full->sink.curve("train/loss", step));
    EXPECT_EQ(resumed->sink.curve("val/loss"), full->sink.curve("val/loss", step));
  }
}

TEST(Ranks, StopTogetherWhenOneIsAsked) {
  config::TrialConfig config = small_config();
  config.ranks = 2;
  std::vector<TestRun> runs(2);
  runs[1].sink.on_progress = [&](int64_t step) {
    if (step == 8) runs[1].stop = StopRequest::kCheckpoint;  // only the second rank hears of it
  };
  test::run_ranks(2, [&](distributed::Gang& gang) { run_into(runs[static_cast<size_t>(gang.rank())], config, gang); });
  for (const TestRun& run : runs) {
    EXPECT_EQ(run->outcome, TrialResult::Outcome::kStopped);
    EXPECT_EQ(run->step, 12);
  }
  EXPECT_EQ(runs[0].sink.checkpoints.size(), 1u);
}

TEST(Ranks, DivergeTogether) {
  config::TrialConfig config = small_config();
  config.train.lr = 1e30;
  config.train.warmup = 0.0;
  config.train.clip = 0.0;
  EXPECT_EQ((*run_on(2, config))->outcome, TrialResult::Outcome::kDiverged);
}

}  // namespace
}  // namespace autonorm::train
