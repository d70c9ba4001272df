#include "core/eval/evaluator.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/support/thread_group.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::eval {
namespace {

std::unique_ptr<models::Model> small_model() {
  return *models::make_model(train::small_config(), {.channels = 1, .height = 4, .width = 4, .classes = 3});
}

TEST(Evaluator, CountsWhatTheModelGetsRight) {
  const auto model = small_model();
  const data::Split split = train::synthetic_split("test", 31);
  const auto gang = distributed::make_single();
  const Evaluation evaluation = evaluate(*model, split, {.batch = 7}, *gang);
  const at::Tensor x = split.images.to(at::kFloat).div(255.0).sub(0.5).div(0.5);
  const at::Tensor logits = model->forward(x, {.training = false});
  EXPECT_EQ(evaluation.samples, 31);
  EXPECT_EQ(evaluation.local_samples, 31);
  EXPECT_EQ(evaluation.correct, logits.argmax(1).eq(split.labels).sum().item<int64_t>());
  const at::Tensor nll = logits.log_softmax(-1).gather(1, split.labels.unsqueeze(1)).neg();
  EXPECT_NEAR(evaluation.loss(), nll.mean().item<double>(), 1e-5);
}

TEST(Evaluator, JudgesByTheMeanLogitsOfFourViews) {
  const auto model = small_model();
  const data::Split split = train::synthetic_split("test", 31);
  const auto gang = distributed::make_single();
  const Evaluation evaluation = evaluate(*model, split, {.batch = 7, .tta = true}, *gang);
  const at::Tensor x = split.images.to(at::kFloat).div(255.0).sub(0.5).div(0.5);
  at::Tensor sum;
  for (const at::Tensor& view : {x, x.flip(3), x.roll(1, 2), x.roll(-1, 3)}) {
    const at::Tensor logits = model->forward(view.contiguous(), {.training = false});
    sum = sum.defined() ? sum + logits : logits;
  }
  EXPECT_EQ(evaluation.correct, sum.argmax(1).eq(split.labels).sum().item<int64_t>());
  const at::Tensor nll = sum.div(4.0).log_softmax(-1).gather(1, split.labels.unsqueeze(1)).neg();
  EXPECT_NEAR(evaluation.loss(), nll.mean().item<double>(), 1e-5);
}

TEST(Evaluator, AnyNumberOfRanksGetsTheSameResult) {
  const data::Split split = train::synthetic_split("test", 31);
  const auto gang = distributed::make_single();
  const Evaluation alone = evaluate(*small_model(), split, {}, *gang);
  for (const int ranks : {2, 3, 40}) {
    std::vector<Evaluation> results(static_cast<size_t>(ranks));
    test::run_ranks(ranks, [&](distributed::Gang& rank) {
      results[static_cast<size_t>(rank.rank())] = evaluate(*small_model(), split, {}, rank);
    });
    int64_t local = 0;
    for (const Evaluation& result : results) {
      EXPECT_EQ(result.correct, alone.correct);
      EXPECT_NEAR(result.loss_sum, alone.loss_sum, 1e-4);
      local += result.local_samples;
    }
    EXPECT_EQ(local, 31);
  }
}

TEST(Evaluator, JudgesAReconstructionByItsHiddenValues) {
  config::TrialConfig config = train::small_config();
  config.model = config::default_model(config::ModelFamily::kMae);
  config.model.patch = 2;
  config.model.dim = config.model.decoder_dim = 16;
  config.model.depth = config.model.decoder_depth = 1;
  config.model.heads = config.model.decoder_heads = 2;
  const auto model = *models::make_model(config, {.channels = 1, .height = 4, .width = 4, .classes = 3});
  const data::Split split = train::synthetic_split("test", 31);
  const EvaluationOptions options{.scale = {255.0, config::PixelRange::kUnit}, .batch = 7, .step = 5};
  const auto gang = distributed::make_single();
  const Evaluation alone = evaluate(*model, split, options, *gang);
  EXPECT_EQ(alone.samples, 31);
  EXPECT_EQ(alone.judged, 31 * 3 * 4);  // three of four patches of four values
  std::vector<int64_t> samples(31);
  std::iota(samples.begin(), samples.end(), 0);
  const models::Reconstruction all =
      model->reconstruct(split.images.to(at::kFloat).div(255.0), {.training = false, .step = 5, .samples = &samples});
  EXPECT_EQ(alone.correct, all.close.item<int64_t>());
  EXPECT_NEAR(alone.loss(), all.losses.mean().item<double>(), 1e-6);
  for (const int ranks : {2, 3}) {
    test::run_ranks(ranks, [&](distributed::Gang& rank) {
      const Evaluation shared =
          evaluate(**models::make_model(config, {.channels = 1, .height = 4, .width = 4}), split, options, rank);
      EXPECT_EQ(shared.judged, alone.judged);
      EXPECT_EQ(shared.correct, alone.correct);
    });
  }
}

TEST(Evaluator, AnEmptySplitHasNoSamples) {
  const auto gang = distributed::make_single();
  const Evaluation evaluation = evaluate(*small_model(), {}, {}, *gang);
  EXPECT_EQ(evaluation.samples, 0);
  EXPECT_EQ(evaluation.accuracy(), 0.0);
}

}  // namespace
}  // namespace autonorm::eval
