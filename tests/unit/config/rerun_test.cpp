#include "core/config/rerun.h"

#include <gmock/gmock.h>

#include "tests/unit/config/sweep_fixture.h"

namespace autonorm::config {
namespace {

using testing::HasSubstr;

const std::string kText = kHead + R"(
[[variant]]
name = "LN"
[[variant]]
name = "student"
norm = { kind = "dyt" }
train = { distill = { from = "teacher" } }
[stage.teacher]
model = { dim = 128 }
)";
SweepSource source() { return {"study.toml", {{"study.toml", kText}}}; }

TEST(Rerun, TrainsOnlyWhatIsAskedUnderNewIds) {
  const Sweep first = expand_sweep(source()).value();
  const Cell& chosen = first.cells[1];
  const TrialId id = first.trials[chosen.trial].id;
  const Sweep again = expand_sweep(with_rerun(source(), {1, {id}})).value();
  ASSERT_EQ(again.cells.size(), 1u);
  EXPECT_EQ(again.cells[0].variant, chosen.variant);
  EXPECT_EQ(again.cells[0].seed, chosen.seed);
  ASSERT_EQ(again.trials.size(), 1u);
  EXPECT_EQ(again.trials[0].id, rerun_id(id, 1));
  EXPECT_NE(again.trials[0].id, id);
  EXPECT_EQ(again.trials[0].common->norm.kind, first.trials[chosen.trial].common->norm.kind);
  EXPECT_EQ(again.name, "study (again, 1)");
  EXPECT_NE(again.content, first.content);
}

TEST(Rerun, ItsFormOfNameIsNobodyElses) {
  std::string text = kText;
  text.replace(text.find("study"), 5, "study (again, 12)");
  EXPECT_THAT(failure(text), HasSubstr("study.toml:2:8: error: [sweep] name 'study (again, 12)' ends like those that "
                                       "`coordinator verify` gives to its re-runs; choose another"));
  text.replace(text.find("(again, 12)"), 11, "(again, x)");
  EXPECT_EQ(expanded(text).name, "study (again, x)");
}

TEST(Rerun, StagesAreTheFirstOnes) {
  const Sweep first = expand_sweep(source()).value();
  const Cell& student = first.cells.back();
  const PlannedTrial& trial = first.trials[student.trial];
  const Sweep again = expand_sweep(with_rerun(source(), {1, {trial.id}})).value();
  ASSERT_EQ(again.trials.size(), 2u);
  EXPECT_TRUE(again.trials[0].is_stage);
  EXPECT_EQ(again.trials[0].id, trial.inputs[0].second);
  EXPECT_EQ(again.trials[1].inputs, trial.inputs);
  EXPECT_EQ(again.cells[0].trial, 1u);
}

TEST(Rerun, RoundsAreSweepsOfTheirOwnAndTheSameRoundIsTheSameSweep) {
  const TrialId id = expand_sweep(source()).value().trials[0].id;
  const Sweep one = expand_sweep(with_rerun(source(), {1, {id}})).value();
  const Sweep same = expand_sweep(with_rerun(source(), {1, {id}})).value();
  const Sweep two = expand_sweep(with_rerun(source(), {2, {id}})).value();
  EXPECT_EQ(one.content, same.content);
  EXPECT_NE(one.content, two.content);
  EXPECT_NE(one.trials[0].id, two.trials[0].id);
}

TEST(Rerun, RefusesWhatTheSweepDoesNotHaveAndDamagedLists) {
  const auto unknown = expand_sweep(with_rerun(source(), {1, {TrialId(std::string(64, 'a'))}}));
  ASSERT_FALSE(unknown.ok());
  EXPECT_THAT(unknown.status().message(), HasSubstr("trial aaaaaaaaaaaa is none of this sweep's"));
  EXPECT_FALSE(expand_sweep(with_rerun(source(), {0, {TrialId(std::string(64, 'a'))}})).ok());
  EXPECT_FALSE(expand_sweep(with_rerun(source(), {1, {}})).ok());
  for (const char* text : {"", "[]", "{", R"({"round": "1", "trials": []})", R"({"round": 1, "trials": [7]})"}) {
    SweepSource damaged = source();
    damaged.files["<rerun>"] = text;
    EXPECT_FALSE(expand_sweep(damaged).ok()) << text;
  }
}

}  // namespace
}  // namespace autonorm::config
