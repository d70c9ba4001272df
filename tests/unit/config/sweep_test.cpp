// Expansion of sweep files: merging, presets, profiles, matrix, exclude, seeds, ranks.
#include "core/config/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/config/sweep_fixture.h"

namespace autonorm::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(Sweep, OneVariantIsOneCellPerSeed) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
)");
  EXPECT_EQ(sweep.cells.size(), 2u);
  EXPECT_EQ(sweep.trials.size(), 2u);
  EXPECT_THAT(sweep.seeds, ElementsAre(0, 1));
  EXPECT_EQ(sweep.cells[1].seed, 1u);
  EXPECT_EQ(sweep.cells[0].labels->at("data.name"), "digits");
  EXPECT_EQ(sweep.trials[sweep.cells[0].trial].id, trial_id(sweep.trials[0].config()));
  EXPECT_EQ(sweep.trials[1].config().seed, 1u);
}

TEST(Sweep, SettingsArriveAsWritten) {
  const Sweep sweep = expanded(R"(
[sweep]
name = "n"
question = "why?"
baseline = "LN"
metric = "val/loss"
margin = 0.01
alpha = 0.1
seeds = { count = 2, first = 100, max = 8 }
profile = "corrected"
[[variant]]
name = "LN"
)");
  EXPECT_EQ(sweep.name, "n");
  EXPECT_EQ(sweep.question, "why?");
  EXPECT_EQ(sweep.metric, "val/loss");
  EXPECT_EQ(sweep.profile, "corrected");
  EXPECT_DOUBLE_EQ(sweep.margin, 0.01);
  EXPECT_DOUBLE_EQ(sweep.alpha, 0.1);
  EXPECT_THAT(sweep.seeds, ElementsAre(100, 101));
  EXPECT_EQ(sweep.max_seeds, 8);
}

TEST(Sweep, SeedsAsAList) {
  EXPECT_THAT(expanded("[sweep]\nname='n'\nbaseline='a'\nseeds=[7, 3]\n[[variant]]\nname='a'\n").seeds,
              ElementsAre(7, 3));
}

TEST(Sweep, TablesMergeKeyByKey) {
  const Sweep sweep = expanded(kHead + R"(
[base]
train = { lr = 0.01, epochs = 3 }
model = { dim = 32 }
[[variant]]
name = "LN"
train = { epochs = 5 }
)");
  EXPECT_DOUBLE_EQ(only(sweep, "LN").train.lr, 0.01);
  EXPECT_EQ(only(sweep, "LN").train.epochs, 5);
  EXPECT_EQ(only(sweep, "LN").model.dim, 32);
}

TEST(Sweep, AnotherKindReplacesTheTable) {
  const Sweep sweep = expanded(kHead + R"(
[base]
norm  = { kind = "layer", eps = 1e-3 }
model = { family = "vit", patch = 4 }
data  = { name = "digits", train_limit = 100 }
[[variant]]
name = "LN"
[[variant]]
name = "LN again"
norm = { kind = "layer" }
[[variant]]
name = "DyT"
norm = { kind = "dyt" }
[[variant]]
name = "MLP"
model = { family = "mlp" }
data  = { name = "mnist" }
)");
  EXPECT_DOUBLE_EQ(only(sweep, "LN again").norm.eps, 1e-3);
  EXPECT_EQ(only(sweep, "DyT").norm.kind, NormKind::kDyt);
  EXPECT_EQ(only(sweep, "MLP").model.family, ModelFamily::kMlp);
  EXPECT_EQ(only(sweep, "MLP").data.train_limit, 0);
  EXPECT_EQ(only(sweep, "LN").data.train_limit, 100);
}

TEST(Sweep, TheDefaultKindCountsWhenABaseLeavesItOpen) {
  const Sweep sweep = expanded(kHead + R"(
[base]
norm = { eps = 1e-3 }
[[variant]]
name = "LN"
norm = { kind = "layer", affine = false }
[[variant]]
name = "RMS"
norm = { kind = "rms" }
)");
  EXPECT_DOUBLE_EQ(only(sweep, "LN").norm.eps, 1e-3);
  EXPECT_DOUBLE_EQ(only(sweep, "RMS").norm.eps, 1e-6);
}

TEST(Sweep, SitesMergeOneByOne) {
  const Sweep sweep = expanded(kHead + R"(
[base]
norm_sites = { final = { kind = "layer", eps = 1e-3 }, embed = "rms" }
[[variant]]
name = "LN"
norm_sites = { final = { affine = false } }
)");
  const TrialConfig config = only(sweep, "LN");
  EXPECT_DOUBLE_EQ(config.norm_sites.at("final").eps, 1e-3);
  EXPECT_FALSE(config.norm_sites.at("final").affine);
  EXPECT_EQ(config.norm_sites.at("embed").kind, NormKind::kRms);
}

TEST(Sweep, QuotedAndDottedKeysMeanTheSame) {
  const auto body = [](const std::string& variant, const std::string& matrix) {
    return kHead + "[[variant]]\nname = \"LN\"\n" + variant + "\n[matrix]\n" + matrix + "\n";
  };
  const Sweep tables = expanded(body("train = { lr = 0.5 }", "model = { depth = [1, 2] }"));
  const Sweep dotted = expanded(body("train.lr = 0.5", "model.depth = [1, 2]"));
  const Sweep quoted = expanded(body("\"train.lr\" = 0.5", "\"model.depth\" = [1, 2]"));
  EXPECT_EQ(ids(tables), ids(dotted));
  EXPECT_EQ(ids(tables), ids(quoted));
  EXPECT_EQ(tables.matrix_keys, quoted.matrix_keys);
}

TEST(Sweep, TheMatrixIsEveryCombination) {
  const Sweep sweep = expanded(kHead + R"(
[base]
model = { patch = 4 }
[[variant]]
name = "LN"
[[variant]]
name = "RMS"
norm = "rms"
[matrix]
"data.name"   = ["digits", "mnist"]
"train.batch" = [32, 64, 128]
)");
  EXPECT_EQ(sweep.cells.size(), 2u * 6 * 2);
  EXPECT_EQ(sweep.trials.size(), sweep.cells.size());
  EXPECT_THAT(sweep.matrix_keys, ElementsAre("data.name", "train.batch"));
  EXPECT_EQ(*sweep.cells[0].labels,
            (std::map<std::string, std::string>{{"data.name", "digits"}, {"train.batch", "32"}}));
  EXPECT_EQ(*sweep.cells.back().labels,
            (std::map<std::string, std::string>{{"data.name", "mnist"}, {"train.batch", "128"}}));
}

TEST(Sweep, AnAxisOverDataNamesKeepsTheRestOfTheTable) {
  const Sweep sweep = expanded(kHead + R"(
[base]
data  = { name = "digits", train_limit = 100 }
model = { patch = 4 }
[[variant]]
name = "LN"
[matrix]
"data.name" = ["digits", "mnist"]
)");
  for (const PlannedTrial& trial : sweep.trials) EXPECT_EQ(trial.config().data.train_limit, 100);
}

TEST(Sweep, AnAxisOverKindsReplacesTheNorm) {
  const Sweep sweep = expanded(kHead + R"(
[base]
norm = { kind = "layer", eps = 1e-3 }
[[variant]]
name = "LN"
[matrix]
"norm.kind" = ["layer", "dyt"]
)");
  EXPECT_EQ(sweep.trials.size(), 4u);
  EXPECT_DOUBLE_EQ(sweep.trials[0].config().norm.eps, 1e-3);
  EXPECT_EQ(sweep.trials[2].config().norm.kind, NormKind::kDyt);
}

TEST(Sweep, AnAxisMayHoldWholeNorms) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
[matrix]
norm = ["layer", { kind = "dyt", alpha0 = 0.8 }]
)");
  EXPECT_EQ(sweep.cells[2].labels->at("norm"), "{kind = dyt, alpha0 = 0.8}");
  EXPECT_DOUBLE_EQ(sweep.trials[2].config().norm.alpha0, 0.8);
}

TEST(Sweep, ExcludeDropsCellsThatMatchAllKeys) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
[[variant]]
name = "RMS"
norm = "rms"
[matrix]
model.depth = [1, 2]
train.batch = [32, 64]
[[exclude]]
variant = "RMS"
model.depth = 2
[[exclude]]
"train.batch" = [64]
seed = 1
)");
  EXPECT_EQ(sweep.cells.size(), 16u - 4 - 3);
  for (const Cell& cell : sweep.cells) {
    EXPECT_FALSE(cell.variant == "RMS" && cell.labels->at("model.depth") == "2");
    EXPECT_FALSE(cell.labels->at("train.batch") == "64" && cell.seed == 1);
  }
}

TEST(Sweep, ExcludeSeesDefaultsAndBase) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
[[variant]]
name = "wide"
model = { dim = 128 }
[[exclude]]
"model.dim" = 128
seed = 0
)");
  EXPECT_EQ(sweep.cells.size(), 3u);
}

TEST(Sweep, ExcludedCellsAreNotChecked) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
[matrix]
model.patch = [2, 7]
data.name = ["digits", "mnist"]
[[exclude]]
model.patch = 7
data.name = "digits"
)");
  EXPECT_EQ(sweep.cells.size(), 6u);
}

TEST(Sweep, RanksPerVariant) {
  const Sweep sweep = expanded(kHead + R"(
[base]
ranks = 2
[[variant]]
name = "LN"
[[variant]]
name = "four"
ranks = 4
)");
  EXPECT_EQ(only(sweep, "LN").ranks, 2);
  EXPECT_EQ(only(sweep, "four").ranks, 4);
}

TEST(Sweep, ExecutionKeysOfBaseAndVariant) {
  const Sweep sweep = expanded(kHead + R"(
[base]
run = { priority = 1, max_attempts = 2 }
[[variant]]
name = "LN"
run = { priority = 5 }
)");
  EXPECT_EQ(only(sweep, "LN").run.priority, 5);
  EXPECT_EQ(only(sweep, "LN").run.max_attempts, 2);
}

TEST(Sweep, EqualCellsShareATrial) {
  const Sweep sweep = expanded(kHead + R"(
[[variant]]
name = "LN"
[[variant]]
name = "the same"
norm = { kind = "layer", eps = 1e-5 }
run = { priority = 3 }
)");
  EXPECT_EQ(sweep.cells.size(), 4u);
  EXPECT_EQ(sweep.trials.size(), 2u);
  EXPECT_EQ(sweep.cells[0].trial, sweep.cells[2].trial);
}

TEST(Sweep, OneSeedIsAWarning) {
  const Sweep sweep = expanded("[sweep]\nname='n'\nbaseline='a'\nseeds=[7]\n[[variant]]\nname='a'\n");
  ASSERT_EQ(sweep.warnings.size(), 1u);
  EXPECT_THAT(sweep.warnings[0], HasSubstr("study.toml:1:1: warning: one seed: no comparison is possible"));
}

TEST(Sweep, ContentIsThatOfTheFiles) {
  const std::string text = kHead + "[[variant]]\nname = \"LN\"\n";
  EXPECT_EQ(expanded(text).content, expanded(text).content);
  EXPECT_NE(expanded(text).content, expanded(text + "# a comment\n").content);
  SweepSource renamed{"other.toml", {{"other.toml", text}}};
  EXPECT_EQ(expand_sweep(renamed)->content, expanded(text).content);
}

TEST(Sweep, OwnIdxFilesNeedTheirHash) {
  const std::string text =
      kHead + "[[variant]]\nname = \"LN\"\n[base]\ndata = { kind = \"idx\", path = \"/data/letters\"";
  EXPECT_THAT(failure(text + " }\n"), HasSubstr("data.sha256 is missing"));
  EXPECT_EQ(expanded(text + ", sha256 = \"00\" }\n").cells[0].labels->at("data.name"), "idx:letters");
}

TEST(Sweep, TooManyCellsAreRefusedBeforeTheyAreBuilt) {
  std::string text = kHead + "[[variant]]\nname = \"LN\"\n[matrix]\n";
  for (const char* key : {"train.lr", "train.weight_decay", "train.clip", "train.adam_eps"}) {
    text += std::string(key) + " = [";
    for (int i = 1; i <= 1000; ++i) text += std::to_string(i * 1e-4) + ",";
    text += "]\n";
  }
  EXPECT_THAT(failure(text), HasSubstr("more than 200000 cells"));
}

TEST(Sweep, ErrorsAreReportedTogetherAndOnce) {
  const std::string text = failure(kHead + R"(
[base]
train = { epochs = 0 }
modle = {}
[[variant]]
name = "LN"
[[variant]]
name = "RMS"
norm = { kind = "rms", epz = 1 }
[matrix]
model.depth = [1, 2]
)");
  EXPECT_THAT(text, HasSubstr("study.toml:7:20: error: train.epochs = 0 is out of range"));
  EXPECT_THAT(text, HasSubstr("study.toml:8:1: error: unknown key 'modle' in [base]"));
  EXPECT_THAT(text, HasSubstr("did you mean 'eps'?"));
  EXPECT_EQ(occurrences(text, "error:"), 3u) << text;
}

TEST(Sweep, ASyntaxErrorIsReportedAlone) {
  const std::string text = failure("[sweep]\nnam = 3\n[[variant]\n");
  EXPECT_EQ(occurrences(text, "error:"), 1u) << text;
  EXPECT_THAT(text, HasSubstr("study.toml:3:"));
}

}  // namespace
}  // namespace autonorm::config
