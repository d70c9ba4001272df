#include "core/train/run_trial.h"

#include <gmock/gmock.h>

#include "core/base/build_id.h"
#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

using testing::Contains;
using testing::HasSubstr;
using Outcome = TrialResult::Outcome;

TEST(RunTrial, LearnsAndReportsEverything) {
  TestRun run;
  config::TrialConfig config = small_config();
  config.train.epochs = 12;
  run_alone(run, config);
  ASSERT_EQ(run->outcome, Outcome::kCompleted);
  EXPECT_EQ(run->step, 96);
  EXPECT_GT(run->results.at("test/accuracy"), 0.8);
  for (const char* metric : {"test/loss", "val/accuracy", "val/loss", "train/loss", "train/samples_per_s",
                             "train/step_ms", "model/parameters", "model/macs", "model/latency_ms",
                             "model/latency_1_ms", "model/latency_1_p95_ms", "memory/peak_mib", "train/seconds"}) {
    EXPECT_TRUE(run->results.contains(metric)) << metric;
  }
  for (const char* fact :
       {"weights_sha256", "order_sha256", "final_step", "torch_version", "trainer_version", "cpu_capability"}) {
    EXPECT_TRUE(run->facts.contains(fact)) << fact;
  }
  EXPECT_EQ(run->facts.at("build"), program_build_id());
  EXPECT_EQ(run->facts.at("data_sha256"), synthetic_dataset().fingerprint.value());
  EXPECT_EQ(run->facts.at("final_step"), "96");
  EXPECT_EQ(run->initial.count("blocks.0.attn.qkv.weight [48, 16]"), 1u);
  EXPECT_EQ(run.sink.curve("train/loss").size(), 24u);
  EXPECT_EQ(run.sink.curve("val/accuracy").size(), 12u);
  EXPECT_EQ(run.sink.curve("test/accuracy").size(), 1u);
  EXPECT_LT(run.sink.curve("train/loss").back().second, run.sink.curve("train/loss").front().second);
  EXPECT_EQ(run.sink.stats.size(), 12u);
  EXPECT_TRUE(std::filesystem::exists(run->final_checkpoint));
}

TEST(RunTrial, RecordsWhatNormsGetAndHowSaturatedTheyAre) {
  TestRun calm, steep;
  config::TrialConfig config = small_config();
  config.norm = config::default_norm(config::NormKind::kDyt);
  config.norm_sites["final"] = config::default_norm(config::NormKind::kLayer);
  run_alone(calm, config);
  config.norm.alpha0 = 1e4;
  run_alone(steep, config);
  ASSERT_EQ(calm.sink.stats.size(), 3u);
  ASSERT_EQ(steep.sink.stats.size(), 3u);
  for (const auto& [step, sites] : calm.sink.stats) {
    EXPECT_GT(sites.at("blocks.0.pre_attn").at("input_std"), 0) << step;
    EXPECT_LT(sites.at("blocks.0.pre_attn").at("saturated"), 0.5) << step;
    EXPECT_LE(sites.at("final").at("weight_min"), sites.at("final").at("weight_max"));
    EXPECT_FALSE(sites.at("final").contains("saturated")) << "layer is not bounded";
  }
  EXPECT_GT(steep.sink.stats.rbegin()->second.at("blocks.0.pre_attn").at("saturated"), 0.9);
}

TEST(RunTrial, LogsAtMultiplesOfLogEveryAndAtTheLastStep) {
  TestRun run;
  config::TrialConfig config = small_config();
  config.train.log_every = 5;
  config.train.eval_every = 2;
  run_alone(run, config);
  std::vector<int64_t> logged, evaluated;
  for (const auto& [step, value] : run.sink.curve("train/lr")) logged.push_back(step);
  for (const auto& [step, value] : run.sink.curve("val/loss")) evaluated.push_back(step);
  EXPECT_EQ(logged, (std::vector<int64_t>{5, 10, 15, 20, 24}));
  EXPECT_EQ(evaluated, (std::vector<int64_t>{16, 24}));  // every second epoch and the last
}

TEST(RunTrial, NamesItsPhases) {
  TestRun run;
  run_alone(run, small_config());
  EXPECT_EQ(run.sink.phases.front(), "loading");
  for (const char* phase : {"training", "evaluating", "checkpointing"}) EXPECT_THAT(run.sink.phases, Contains(phase));
}

TEST(RunTrial, IsBitIdenticalWhenRepeated) {
  TestRun a, b;
  run_alone(a, small_config());
  run_alone(b, small_config());
  EXPECT_EQ(a->facts.at("weights_sha256"), b->facts.at("weights_sha256"));
  EXPECT_EQ(a->facts.at("order_sha256"), b->facts.at("order_sha256"));
  EXPECT_EQ(a->initial, b->initial);
  EXPECT_EQ(a.sink.curve("train/loss"), b.sink.curve("train/loss"));
}

TEST(RunTrial, VariantsShareOrderAndInitialValues) {
  TestRun layer, rms;
  config::TrialConfig config = small_config();
  run_alone(layer, config);
  config.norm.kind = config::NormKind::kRms;
  run_alone(rms, config);
  EXPECT_EQ(layer->facts.at("order_sha256"), rms->facts.at("order_sha256"));
  EXPECT_NE(layer->facts.at("weights_sha256"), rms->facts.at("weights_sha256"));
  const std::string qkv = "blocks.0.attn.qkv.weight [48, 16]";
  EXPECT_EQ(layer->initial.at(qkv), rms->initial.at(qkv));
}

TEST(RunTrial, OtherSeedIsAnotherTrial) {
  TestRun a, b;
  config::TrialConfig config = small_config();
  run_alone(a, config);
  config.seed = 1;
  run_alone(b, config);
  EXPECT_NE(a->facts.at("order_sha256"), b->facts.at("order_sha256"));
  EXPECT_NE(a->facts.at("weights_sha256"), b->facts.at("weights_sha256"));
}

TEST(RunTrial, GateFixedToLayerNormTrainsTheSameWeights) {
  config::TrialConfig plain = small_config(), fixed = small_config();
  fixed.norm = {.kind = config::NormKind::kSelector};
  fixed.norm.branches = {{.kind = config::NormKind::kScale}, {.kind = config::NormKind::kLayer}};
  fixed.norm.gate = config::Gate::kFixed;
  fixed.norm.weights = {0.0, 1.0};
  TestRun a, b;
  run_alone(a, plain);
  run_alone(b, fixed);
  EXPECT_EQ(a.sink.curve("train/loss"), b.sink.curve("train/loss"));
  EXPECT_EQ(a.sink.curve("val/loss"), b.sink.curve("val/loss"));
}

TEST(RunTrial, AccumulationDoesNotChangeTheTraining) {
  TestRun whole, parts;
  config::TrialConfig config = small_config();
  run_alone(whole, config);
  config.train.accumulate = 3;
  run_alone(parts, config);
  const auto a = whole.sink.curve("train/loss"), b = parts.sink.curve("train/loss");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].second, b[i].second, 1e-5);
}

TEST(RunTrial, NonFiniteLossIsAResult) {
  TestRun run;
  config::TrialConfig config = small_config();
  config.train.lr = 1e30;
  config.train.warmup = 0.0;
  config.train.clip = 0.0;
  run_alone(run, config);
  EXPECT_EQ(run->outcome, Outcome::kDiverged);
  EXPECT_LT(run->step, 24);
  EXPECT_FALSE(run->results.contains("test/accuracy"));
  EXPECT_TRUE(run->results.contains("model/parameters"));
  for (const auto& [metric, value] : run->results) EXPECT_TRUE(std::isfinite(value)) << metric;
  for (const MetricPoint& point : run.sink.points) EXPECT_TRUE(std::isfinite(point.value)) << point.metric;
}

TEST(RunTrial, StopNowEndsAtTheNextStep) {
  TestRun run;
  run.sink.on_progress = [&](int64_t step) {
    if (step == 8) run.stop = StopRequest::kNow;
  };
  run_alone(run, small_config());
  EXPECT_EQ(run->outcome, Outcome::kStopped);
  EXPECT_EQ(run->step, 9);
  EXPECT_TRUE(run.sink.checkpoints.empty());
}

TEST(RunTrial, TrainsInBfloat16NearFloat32) {
  TestRun full, half;
  config::TrialConfig config = small_config();
  run_alone(full, config);
  config.train.precision = config::Precision::kBf16;
  run_alone(half, config);
  EXPECT_EQ(half->outcome, Outcome::kCompleted);
  EXPECT_NEAR(half->results.at("train/loss"), full->results.at("train/loss"), 0.05);
  EXPECT_NE(half->results.at("train/loss"), full->results.at("train/loss"));
}

TEST(RunTrial, WorksWithoutAValidationSplit) {
  data::Dataset dataset = synthetic_dataset();
  dataset.val = {};
  TestRun run;
  const auto gang = distributed::make_single();
  TrialInputs inputs;
  inputs.config = small_config();
  inputs.dataset = &dataset;
  inputs.gang = gang.get();
  inputs.sink = &run.sink;
  inputs.checkpoint_parent = run.folder.path();
  run.result = run_trial(inputs);
  EXPECT_EQ(run->outcome, Outcome::kCompleted);
  EXPECT_FALSE(run->results.contains("val/accuracy"));
}

TEST(RunTrial, RefusesAnotherNumberOfRanks) {
  TestRun run;
  config::TrialConfig config = small_config();
  config.ranks = 2;
  run_alone(run, config);
  EXPECT_THAT(run.result->status().message(), HasSubstr("ranks = 2"));
}

TEST(RunTrial, RefusesAModelThatDoesNotFitTheData) {
  TestRun run;
  config::TrialConfig config = small_config();
  config.model.patch = 3;
  run_alone(run, config);
  EXPECT_EQ(run.result->status().code(), Code::kInvalid);
  EXPECT_THAT(run.result->status().message(), HasSubstr("model.patch = 3"));
}

}  // namespace
}  // namespace autonorm::train
