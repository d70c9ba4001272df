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

TEST(Start, AnotherModelIsRefusedWithTheTensor) {
  TestRun before, other_family, other_width;
  run_alone(before, small_config());
  config::TrialConfig wide = started(small_config());
  wide.model.dim = 32;
  run_alone(other_width, wide, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_FALSE(other_width.result->ok());
  EXPECT_THAT(other_width.result->status().message(),
              HasSubstr("tensor 'model.patch_embed.weight' of the checkpoint has"));
  config::TrialConfig mlp = started(small_config());
  mlp.model = config::default_model(config::ModelFamily::kMlp);
  run_alone(other_family, mlp, {.inputs = {{"before", before->final_checkpoint}}});
  ASSERT_FALSE(other_family.result->ok());
  EXPECT_THAT(other_family.result->status().message(), HasSubstr("model is of another family"));
}

TEST(Start, MissingStageIsNamed) {
  TestRun run;
  run_alone(run, started(small_config()));
  ASSERT_FALSE(run.result->ok());
  EXPECT_THAT(run.result->status().message(), HasSubstr("train.start.from = 'before'"));
}

}  // namespace
}  // namespace autonorm::train
