// The checkpoint of a trained model, folded, is a checkpoint of the same function.
#include "core/train/fold_checkpoint.h"

#include <gmock/gmock.h>

#include "core/checkpoint/checkpoint.h"
#include "core/train/teacher.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

constexpr models::InputShape kShape{.channels = 1, .height = 4, .width = 4, .classes = 3};

at::Tensor test_logits(models::Model& model) { return teacher_logits(model, synthetic_split("test", 31), 255.0, 0); }

TEST(FoldCheckpoint, IsReadAsATrainedModelWithTheSameLogits) {
  for (const auto kind : {config::NormKind::kBatch, config::NormKind::kLayer, config::NormKind::kUnified}) {
    config::TrialConfig config = small_config();
    config.norm = config::default_norm(kind);
    TestRun run;
    run_alone(run, config);
    ASSERT_TRUE(run.result->ok()) << run.result->status().message();
    const auto trained = checkpoint::load(run->final_checkpoint);
    ASSERT_TRUE(trained.ok());
    const auto report = fold_checkpoint(*trained, synthetic_dataset(), run.folder.path() / "folded");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_LE(report->largest_difference, 1e-4);
    EXPECT_GT(report->before, 0);
    EXPECT_GT(report->after, 0);
    auto before = load_trained(run->final_checkpoint, kShape), after = load_trained(report->checkpoint, kShape);
    ASSERT_TRUE(before.ok() && after.ok()) << after.status().message();
    EXPECT_LE(norms::largest_difference(test_logits(**before), test_logits(**after)), 1e-4);
    EXPECT_NE(checkpoint::load(report->checkpoint)->trial, trained->trial);
  }
}

config::TrialConfig config_of(config::ModelFamily family) {
  config::TrialConfig config = small_config();
  config.model = config::default_model(family);
  config.model.patch = 2;
  config.model.dim = config.model.hidden = 16;
  config.model.heads = config.model.decoder_heads = 2;
  config.model.depth = family == config::ModelFamily::kResnet ? 8 : 2;
  config.model.decoder_dim = 8;
  config.model.decoder_depth = 1;
  config.model.token_dim = config.model.width = 4;
  config.norm = config::default_norm(config::NormKind::kBatch);
  return config;
}

// A masked autoencoder's reconstructions included.
TEST(FoldCheckpoint, OfEveryFamilyIsReadWithTheSameOutputs) {
  for (const auto family :
       {config::ModelFamily::kMae, config::ModelFamily::kT2tVit, config::ModelFamily::kFtTransformer,
        config::ModelFamily::kAutonormCorrected, config::ModelFamily::kAutonormV0, config::ModelFamily::kMlp,
        config::ModelFamily::kResnet}) {
    SCOPED_TRACE(static_cast<int>(family));
    TestRun run;
    run_alone(run, config_of(family));
    ASSERT_TRUE(run.result->ok()) << run.result->status().message();
    const auto trained = checkpoint::load(run->final_checkpoint);
    const auto report = fold_checkpoint(*trained, synthetic_dataset(), run.folder.path() / "folded");
    ASSERT_TRUE(report.ok()) << report.status().message();
    EXPECT_LE(report->largest_difference, 1e-4);
    auto before = load_trained(run->final_checkpoint, kShape), after = load_trained(report->checkpoint, kShape);
    ASSERT_TRUE(before.ok() && after.ok()) << after.status().message();
    EXPECT_LE(norms::largest_difference(test_logits(**before), test_logits(**after)), 1e-4);
    const auto again = fold_checkpoint(*checkpoint::load(report->checkpoint), synthetic_dataset(), run.folder.path());
    EXPECT_FALSE(again.ok());
  }
}

TEST(FoldCheckpoint, WritesNothingWhenThereIsNothingToFold) {
  config::TrialConfig config = small_config();
  config.norm = config::default_norm(config::NormKind::kNone);
  TestRun run;
  run_alone(run, config);
  const auto trained = checkpoint::load(run->final_checkpoint);
  const auto report = fold_checkpoint(*trained, synthetic_dataset(), run.folder.path() / "folded");
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.status().message(), testing::HasSubstr("none"));
  EXPECT_FALSE(std::filesystem::exists(run.folder.path() / "folded"));
}

}  // namespace
}  // namespace autonorm::train
