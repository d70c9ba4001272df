// A student learns from the final checkpoint of a stage.
#include <gmock/gmock.h>

#include "tests/unit/train/small_trial.h"

namespace autonorm::train {
namespace {

using testing::HasSubstr;

config::TrialConfig teacher_config() {
  config::TrialConfig config = small_config();
  config.model = {.family = config::ModelFamily::kMlp, .hidden = 16};
  config.train.epochs = 10;
  return config;
}

config::TrialConfig student_config(double alpha) {
  config::TrialConfig config = small_config();
  config.train.distill = config::DistillConfig{.from = "teacher", .temperature = 2.0, .alpha = alpha};
  config.inputs["teacher"] = TrialId("0");
  return config;
}

TEST(Distill, ChangesTheWeightsButNotTheOrder) {
  TestRun teacher, plain, distilled;
  run_alone(teacher, teacher_config());
  run_alone(plain, small_config());
  run_alone(distilled, student_config(0.5), {.inputs = {{"teacher", teacher->final_checkpoint}}});
  ASSERT_TRUE(distilled.result->ok()) << distilled.result->status().message();
  EXPECT_NE(distilled->facts.at("weights_sha256"), plain->facts.at("weights_sha256"));
  EXPECT_EQ(distilled->facts.at("order_sha256"), plain->facts.at("order_sha256"));
}

TEST(Distill, WithWeightZeroIsPlainTraining) {
  TestRun teacher, plain, distilled;
  run_alone(teacher, teacher_config());
  run_alone(plain, small_config());
  run_alone(distilled, student_config(0.0), {.inputs = {{"teacher", teacher->final_checkpoint}}});
  const auto a = plain.sink.curve("train/loss"), b = distilled.sink.curve("train/loss");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) EXPECT_NEAR(a[i].second, b[i].second, 1e-5);
}

TEST(Distill, HardLearnsWhatTheTeacherAnswers) {
  TestRun teacher, soft, hard;
  run_alone(teacher, teacher_config());
  config::TrialConfig config = student_config(1.0);
  config.train.distill->temperature = 1.0;
  run_alone(soft, config, {.inputs = {{"teacher", teacher->final_checkpoint}}});
  config.train.distill->hard = true;
  run_alone(hard, config, {.inputs = {{"teacher", teacher->final_checkpoint}}});
  ASSERT_TRUE(hard.result->ok()) << hard.result->status().message();
  const auto of_soft = soft.sink.curve("train/loss"), of_hard = hard.sink.curve("train/loss");
  // The soft term lacks the teacher's entropy, which the hard one has: it is larger, and falls too.
  EXPECT_GT(of_hard.front().second, of_soft.front().second);
  EXPECT_LT(of_hard.back().second, of_hard.front().second);
}

TEST(Distill, MissingStageIsNamed) {
  TestRun run;
  run_alone(run, student_config(0.5));
  ASSERT_FALSE(run.result->ok());
  EXPECT_THAT(run.result->status().message(), HasSubstr("train.distill.from = 'teacher'"));
}

TEST(Distill, UnusableStageIsNamed) {
  TestRun run;
  run_alone(run, student_config(0.5), {.inputs = {{"teacher", run.folder.path() / "absent"}}});
  ASSERT_FALSE(run.result->ok());
  EXPECT_THAT(run.result->status().message(), HasSubstr("stage 'teacher'"));
}

}  // namespace
}  // namespace autonorm::train
