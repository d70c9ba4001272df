// Stages: trials that others wait for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/shared_stages.h"
#include "tests/unit/config/sweep_fixture.h"

namespace autonorm::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const std::string kDistilled = kHead + R"(
[base]
train = { epochs = 3 }
norm  = { kind = "rms" }
[[variant]]
name = "LN"
norm = { kind = "layer" }
[[variant]]
name = "student"
norm = { kind = "dyt" }
train = { lr = 0.02, distill = { from = "teacher", temperature = 2.0, alpha = 0.3 } }
)";
const std::string kTeacher = "[stage.teacher]\nmodel = { dim = 128 }\n";

std::vector<const PlannedTrial*> stages(const Sweep& sweep) {
  std::vector<const PlannedTrial*> out;
  for (const PlannedTrial& trial : sweep.trials) {
    if (trial.is_stage) out.push_back(&trial);
  }
  return out;
}

void expect_parents_first(const Sweep& sweep) {
  std::set<TrialId> seen;
  for (const PlannedTrial& trial : sweep.trials) {
    for (const auto& [stage, parent] : trial.inputs) EXPECT_TRUE(seen.contains(parent));
    seen.insert(trial.id);
    EXPECT_EQ(trial.id, trial_id(trial.config()));
  }
}

TEST(Stage, OneForEachSeedBeforeItsStudent) {
  const Sweep sweep = expanded(kDistilled + kTeacher);
  EXPECT_EQ(sweep.cells.size(), 4u);
  EXPECT_EQ(sweep.trials.size(), 6u);
  ASSERT_EQ(stages(sweep).size(), 2u);
  expect_parents_first(sweep);
  const TrialConfig student = only(sweep, "student");
  EXPECT_EQ(student.inputs.at("teacher"), stages(sweep)[0]->id);
  EXPECT_EQ(stages(sweep)[1]->config().seed, 1u);
}

TEST(Stage, InheritsBaseAndDataButNotTheVariant) {
  const Sweep sweep =
      expanded(kDistilled + kTeacher + "[matrix]\ndata.name = [\"digits\", \"mnist\"]\ntrain.batch = [32, 64]\n");
  for (const PlannedTrial* stage : stages(sweep)) {
    EXPECT_EQ(stage->config().norm.kind, NormKind::kRms);
    EXPECT_EQ(stage->config().train.epochs, 3);
    EXPECT_DOUBLE_EQ(stage->config().train.lr, TrainConfig{}.lr);
    EXPECT_EQ(stage->config().train.batch, TrainConfig{}.batch);
    EXPECT_FALSE(stage->config().train.distill);
  }
  EXPECT_EQ(stages(sweep).size(), 4u);  // 2 data sets x 2 seeds; not x batch
  expect_parents_first(sweep);
}

// Otherwise each set of corruptions would have a teacher of its own, and an autoencoder could not be a stage at all.
TEST(Stage, IsNotJudgedByWhatItsDependantIsJudgedBy) {
  const std::string judged = "[matrix]\n\"data.severity\" = [2]\n";
  const std::string corrupted = "data = { corruptions = [\"contrast\"], tta = true }\n";
  const auto teachers = [](const std::string& base, const std::string& more) {
    const Sweep sweep = expanded(kHead + "[base]\n" + base +
                                 "[[variant]]\nname = \"LN\"\n[[variant]]\nname = \"student\"\n"
                                 "train = { distill = { from = \"teacher\" } }\n" +
                                 kTeacher + more);
    std::vector<TrialId> ids;
    for (const PlannedTrial* trial : stages(sweep)) ids.push_back(trial->id);
    return ids;
  };
  const std::vector<TrialId> plain = teachers("", "");
  ASSERT_FALSE(plain.empty());
  EXPECT_EQ(teachers(corrupted, ""), plain);
  EXPECT_EQ(teachers(corrupted, judged), plain);
}

TEST(Stage, AxesThatItListsReachIt) {
  const Sweep sweep = expanded(kDistilled + kTeacher + "axes = [\"train.batch\"]\n[matrix]\ntrain.batch = [32, 64]\n");
  EXPECT_EQ(stages(sweep).size(), 4u);
  EXPECT_EQ(stages(sweep)[0]->config().train.batch, 32);
}

TEST(Stage, SharedSeedIsOneTrialForAllSeeds) {
  const Sweep sweep = expanded(kDistilled + kTeacher + "seed = \"shared\"\n");
  ASSERT_EQ(stages(sweep).size(), 1u);
  EXPECT_EQ(stages(sweep)[0]->config().seed, 0u);
  EXPECT_THAT(sweep.shared_stages, ElementsAre("teacher"));
}

TEST(Stage, SharedOnesAreKnownFromTheSourceAlone) {
  const auto stages_of = [](const std::string& text) { return shared_stages_of({"a.toml", {{"a.toml", text}}}); };
  const std::string shared = kDistilled + kTeacher + "seed = \"shared\"\n";
  EXPECT_THAT(stages_of(shared), ElementsAre("teacher"));
  EXPECT_THAT(stages_of(kDistilled + kTeacher), ElementsAre());
  EXPECT_THAT(stages_of(shared + "[stage.other]\nnorm = \"none\"\nseed = \"shared\"\n"), ElementsAre("teacher"));
  EXPECT_EQ(shared_stages_text({"teacher"}),
            "stage teacher is trained once for all seeds (seed = \"shared\"): differences hold for that run only");
}

TEST(Stage, EqualStagesRunOnce) {
  const Sweep sweep = expanded(
      kDistilled + kTeacher +
      "[[variant]]\nname = \"other student\"\nnorm = \"none\"\ntrain = { distill = { from = \"teacher\" } }\n");
  EXPECT_EQ(stages(sweep).size(), 2u);
}

TEST(Stage, AStageThatIsAlsoARowIsNotOnlyAStage) {
  const Sweep sweep = expanded(kDistilled + "[stage.teacher]\nnorm = \"layer\"\n");
  EXPECT_THAT(stages(sweep), IsEmpty());
  EXPECT_EQ(sweep.trials.size(), 4u);
  expect_parents_first(sweep);
}

TEST(Stage, MayComeFromAPreset) {
  const Sweep sweep =
      expanded(kDistilled + "[stage.teacher]\nuse = \"Big\"\n[preset.both.Big]\nmodel = { depth = 9 }\n");
  EXPECT_EQ(stages(sweep)[0]->config().model.depth, 9);
}

TEST(Stage, RunsOnTheRanksItStates) {
  const Sweep sweep = expanded(kDistilled + kTeacher + "ranks = 4\n");
  EXPECT_EQ(stages(sweep)[0]->config().ranks, 4);
  EXPECT_EQ(only(sweep, "student").ranks, 1);
}

TEST(Stage, DistillationInTheBaseDoesNotReachTheStage) {
  const Sweep sweep =
      expanded(kHead + "[base]\ntrain.distill = { from = \"teacher\" }\n[[variant]]\nname = \"LN\"\n" + kTeacher);
  ASSERT_EQ(stages(sweep).size(), 2u);
  EXPECT_FALSE(stages(sweep)[0]->config().train.distill);
}

TEST(Stage, UnusedIsAWarning) {
  const Sweep sweep = expanded(kHead + "[[variant]]\nname = \"LN\"\n" + kTeacher);
  ASSERT_EQ(sweep.warnings.size(), 1u);
  EXPECT_THAT(sweep.warnings[0], HasSubstr("no variant uses stage 'teacher'"));
  EXPECT_EQ(sweep.trials.size(), 2u);
}

}  // namespace
}  // namespace autonorm::config
