// A trial that goes on from the trained weights of a stage, with the same norms or with others.
#include <gmock/gmock.h>

#include "core/checkpoint/checkpoint.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

using testing::HasSubstr;

config::TrialConfig started(config::TrialConfig config) {
  config.train.start = config::StartConfig{.from = "before"};
  config.inputs["before"] = TrialId("0");
  return config;
}

std::map<std::string, at::Tensor> weights(const std::filesystem::path& folder) {
  std::map<std::string, at::Tensor> by_name;
  const auto checkpoint = checkpoint::load(folder);
  for (const auto& [name, tensor] : checkpoint->tensors) by_name[name] = tensor;
  return by_name;
}

// So that the trained weights are still there at the end.
config::TrialConfig without_learning() {
  config::TrialConfig config = small_config();
  config.train.lr = 0;
  return config;
}

TEST(Start, TakesEveryWeightOfTheStage) {
  TestRun before, after;
  run_alone(before, small_config());
  run_alone(after, started(without_learning()), {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_TRUE(after.result->ok()) << after.result->status().message();
  EXPECT_EQ(after->facts.at("weights_sha256"), before->facts.at("weights_sha256"));
}

TEST(Start, ReplacedNormsStartAnew) {
  TestRun before, after;
  run_alone(before, small_config());
  config::TrialConfig other = started(without_learning());
  other.norm = config::default_norm(config::NormKind::kDyt);
  other.norm_sites["final"] = config::default_norm(config::NormKind::kLayer);
  run_alone(after, other, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_TRUE(after.result->ok()) << after.result->status().message();
  const auto a = weights(before->final_checkpoint), b = weights(after->final_checkpoint);
  for (const char* kept : {"model.head.weight", "model.blocks.0.attn.qkv.weight", "model.final.weight"})
    EXPECT_TRUE(norms::same_bits(a.at(kept), b.at(kept))) << kept;
  const at::Tensor fresh = b.at("model.blocks.0.pre_attn.weight");
  EXPECT_TRUE(norms::same_bits(fresh, fresh.new_ones(fresh.sizes())));
  EXPECT_FALSE(norms::same_bits(a.at("model.blocks.0.pre_attn.weight"), fresh));
  EXPECT_EQ(b.at("model.blocks.0.pre_attn.alpha").item<float>(), 0.5F);
}

TEST(Start, WithTheHeadAloneEverythingThatWasTakenOverStays) {
  TestRun before, after;
  run_alone(before, small_config());
  config::TrialConfig probe = started(small_config());
  probe.train.start->head_only = true;
  probe.norm_sites["final"] = config::default_norm(config::NormKind::kDyt);  // starts anew, so it learns
  run_alone(after, probe, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_TRUE(after.result->ok()) << after.result->status().message();
  const auto a = weights(before->final_checkpoint), b = weights(after->final_checkpoint);
  int64_t kept = 0;
  for (const auto& [name, value] : b) {
    if (!name.starts_with("model.") || name.starts_with("model.final.") || name.starts_with("model.head.")) continue;
    EXPECT_TRUE(norms::same_bits(a.at(name), value)) << name;
    ++kept;
  }
  EXPECT_GT(kept, 10);
  EXPECT_FALSE(norms::same_bits(a.at("model.head.weight"), b.at("model.head.weight")));
  EXPECT_NE(b.at("model.final.alpha").item<float>(), 0.5F);
}

TEST(Start, TheHeadAloneLearnsBesideEveryStatefulNorm) {
  for (const auto& [name, norm] : stateful_norms()) {
    SCOPED_TRACE(name);
    config::TrialConfig config = small_config();
    config.norm = norm;
    TestRun before, after;
    run_alone(before, config);
    config::TrialConfig probe = started(config);
    probe.train.start->head_only = true;
    run_alone(after, probe, {.inputs = {{"before", before->final_checkpoint}}});
    ASSERT_TRUE(after.result->ok()) << after.result->status().message();
    const auto a = weights(before->final_checkpoint), b = weights(after->final_checkpoint);
    EXPECT_FALSE(norms::same_bits(a.at("model.head.weight"), b.at("model.head.weight")));
    EXPECT_TRUE(norms::same_bits(a.at("model.patch_embed.weight"), b.at("model.patch_embed.weight")));
  }
}

TEST(Start, AnotherModelIsRefused) {
  TestRun before, other_family, other_width;
  run_alone(before, small_config());
  config::TrialConfig wide = started(small_config());
  wide.model.dim = 32;
  run_alone(other_width, wide, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_FALSE(other_width.result->ok());
  EXPECT_THAT(other_width.result->status().message(),
              HasSubstr("model.dim = 32, and the stage that the trial starts from has 16"));
  config::TrialConfig mlp = started(small_config());
  mlp.model = config::default_model(config::ModelFamily::kMlp);
  run_alone(other_family, mlp, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_FALSE(other_family.result->ok());
  EXPECT_THAT(other_family.result->status().message(), HasSubstr("model is of another family"));
}

// The same kind with other tensors: the blend of another branch.
TEST(Start, NormsOfAnotherFormStartAnew) {
  TestRun before, after;
  config::TrialConfig first = small_config();
  first.norm = config::default_norm(config::NormKind::kSelector);
  run_alone(before, first);
  config::TrialConfig other = started(without_learning());
  other.norm = first.norm;
  other.norm.branches = {config::default_norm(config::NormKind::kDyt), config::default_norm(config::NormKind::kLayer)};
  run_alone(after, other, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_TRUE(after.result->ok()) << after.result->status().message();
  const auto a = weights(before->final_checkpoint), b = weights(after->final_checkpoint);
  EXPECT_TRUE(norms::same_bits(a.at("model.head.weight"), b.at("model.head.weight")));
  const at::Tensor fresh = b.at("model.final.layer.weight");
  EXPECT_TRUE(norms::same_bits(fresh, fresh.new_ones(fresh.sizes())));
  EXPECT_FALSE(norms::same_bits(a.at("model.final.layer.weight"), fresh));
}

// normalization.md 3.4: else the warm-up would be skipped.
TEST(Start, WarmUpsBeginAnewUnlessKept) {
  for (const auto kind : {config::NormKind::kUnified, config::NormKind::kPowerNorm, config::NormKind::kPrepbn}) {
    TestRun before, anew, kept;
    config::TrialConfig first = small_config();
    first.norm = config::default_norm(kind);
    run_alone(before, first);
    config::TrialConfig second = started(without_learning());
    second.norm = first.norm;
    second.train.epochs = 1;
    run_alone(anew, second, {.inputs = {{"before", before->final_checkpoint}}});
    second.train.start->keep_counters = true;
    run_alone(kept, second, {.inputs = {{"before", before->final_checkpoint}}});
    const auto iters = [](const TestRun& run) {
      return weights(run->final_checkpoint).at("buffer.final.iters").item<int64_t>();
    };
    EXPECT_EQ(iters(before), 24);
    EXPECT_EQ(iters(anew), kind == config::NormKind::kPrepbn ? 32 : 8);  // prepbn's share is no warm-up: it goes on
    EXPECT_EQ(iters(kept), 32);
  }
}

config::TrialConfig small_mae() {
  config::TrialConfig config = small_config();
  config.model = config::default_model(config::ModelFamily::kMae);
  config.model.patch = 2;
  config.model.dim = 16;
  config.model.depth = 1;
  config.model.heads = config.model.decoder_heads = 2;
  config.model.mlp_ratio = 2;
  config.model.decoder_dim = 8;
  config.model.decoder_depth = 1;
  return config;
}

TEST(Start, AClassifierTakesTheEncoderOfAMaskedAutoencoder) {
  for (const bool cls : {true, false}) {
    TestRun before, after;
    config::TrialConfig mae = small_mae();
    mae.model.cls = cls;
    run_alone(before, mae);
    ASSERT_TRUE(before.result->ok()) << before.result->status().message();
    config::TrialConfig vit = started(without_learning());
    vit.model.pool = cls ? config::Pool::kCls : config::Pool::kMean;
    vit.norm_sites["final"] = config::default_norm(config::NormKind::kDyt);
    run_alone(after, vit, {.inputs = {{"before", before->final_checkpoint}}});
    ASSERT_TRUE(after.result->ok()) << after.result->status().message();
    const auto a = weights(before->final_checkpoint), b = weights(after->final_checkpoint);
    size_t taken = 0;
    for (const auto& [name, tensor] : b) {
      if (!name.starts_with("model.") || name.starts_with("model.head.") || name.starts_with("model.final.")) continue;
      EXPECT_TRUE(norms::same_bits(a.at(name), tensor)) << name;
      ++taken;
    }
    EXPECT_EQ(taken, cls ? 16u : 15u);  // patches, positions, cls, twelve of the block
    EXPECT_FALSE(a.contains("model.head.weight"));
    EXPECT_EQ(b.at("model.final.alpha").item<float>(), 0.5F);
  }
}

TEST(Start, AClassifierWithoutTheEncodersClsTokenIsRefused) {
  TestRun before, after;
  run_alone(before, small_mae());
  run_alone(after, started(small_config()), {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_FALSE(after.result->ok());
  EXPECT_THAT(after.result->status().message(), HasSubstr("choose model.pool = \"cls\""));
}

TEST(Start, MissingStageIsNamed) {
  TestRun run;
  run_alone(run, started(small_config()));
  ASSERT_FALSE(run.result->ok());
  EXPECT_THAT(run.result->status().message(), HasSubstr("train.start.from = 'before'"));
}

}  // namespace
}  // namespace autonorm::train
