// The sweeps and presets that come with the project, and how presets work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/config/catalogue.h"
#include "tests/unit/config/sweep_fixture.h"

namespace autonorm::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Sweep sweep_file(const std::string& name) {
  const auto source = load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps/" + name);
  EXPECT_TRUE(source.ok()) << source.status().message();
  if (!source.ok()) return {};
  const auto sweep = expand_sweep(*source);
  EXPECT_TRUE(sweep.ok()) << sweep.status().message();
  return sweep.ok() ? *sweep : Sweep{};
}

const std::vector<std::string> kSix{"DisableSelector", "AutoNorm", "RandomSelector",
                                    "FrozenDyT",       "FrozenLN", "Teacher"};

std::string all_presets(const std::string& profile) {
  std::string text =
      "include = [\"presets/autonorm.toml\"]\n[sweep]\nname = \"all\"\nbaseline = \"AutoNorm\"\nseeds = [0, "
      "1]\nprofile = \"" +
      profile + "\"\n";
  for (const char* name : {"AutoNorm", "DisableSelector", "RandomSelector", "FrozenDyT", "FrozenLN", "OnlyDyT",
                           "OnlyLayerNorm", "Teacher"}) {
    text += std::string("[[variant]]\nuse = \"") + name + "\"\n";
  }
  return text;
}

std::map<std::string, std::string> preset_file() {
  const auto source = load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps/quickstart.toml");
  return source.ok() ? source->files : std::map<std::string, std::string>{};
}

TEST(Sweeps, QuickstartIsEighteenDistinctTrials) {
  const Sweep sweep = sweep_file("quickstart.toml");
  EXPECT_EQ(sweep.variants, kSix);
  EXPECT_EQ(sweep.cells.size(), 18u);
  EXPECT_EQ(sweep.trials.size(), 18u);
  EXPECT_EQ(sweep.profile, "faithful");
  EXPECT_THAT(sweep.warnings, IsEmpty());
  std::set<std::string> on_two_ranks;
  for (const Cell& cell : sweep.cells) {
    EXPECT_EQ(cell.labels->at("data.name"), "digits");
    if (only(sweep, cell.variant).ranks == 2) on_two_ranks.insert(cell.variant);
  }
  EXPECT_EQ(on_two_ranks.size(), 1u);
}

TEST(Sweeps, AblationIsSixVariantsOnTwoDataSetsWithFiveSeeds) {
  const Sweep sweep = sweep_file("ablation.toml");
  EXPECT_EQ(sweep.variants, kSix);
  EXPECT_EQ(sweep.seeds.size(), 5u);
  EXPECT_EQ(sweep.cells.size(), 60u);
  EXPECT_EQ(sweep.trials.size(), 60u);
  EXPECT_THAT(sweep.matrix_keys, ElementsAre("data.name"));
}

TEST(Presets, FaithfulPutsOneSelectorAfterTheEmbedding) {
  const Sweep sweep = expanded(all_presets("faithful"), preset_file());
  for (const char* variant :
       {"AutoNorm", "DisableSelector", "RandomSelector", "FrozenDyT", "FrozenLN", "OnlyDyT", "OnlyLayerNorm"}) {
    const TrialConfig config = only(sweep, variant);
    const NormConfig selector = config.norm_at("embed");
    EXPECT_EQ(selector.kind, NormKind::kSelector) << variant;
    ASSERT_EQ(selector.branches.size(), 2u) << variant;
    EXPECT_EQ(selector.branches[0].kind, NormKind::kScale);
    EXPECT_EQ(selector.branches[1].kind, NormKind::kLayer);
    for (const std::string& site : sites(ModelFamily::kVit).standard)
      EXPECT_EQ(config.norm_at(site).kind, NormKind::kLayer) << variant << " " << site;
  }
  EXPECT_THAT(only(sweep, "DisableSelector").norm_at("embed").weights, ElementsAre(0.0, 1.0));
  EXPECT_EQ(only(sweep, "RandomSelector").norm_at("embed").gate, Gate::kRandom);
  EXPECT_EQ(only(sweep, "RandomSelector").norm_at("embed").gate_eval, GateEval::kAsTrained);
  EXPECT_THAT(only(sweep, "FrozenDyT").norm_at("embed").freeze, ElementsAre(NormKind::kLayer));
  EXPECT_THAT(only(sweep, "FrozenLN").norm_at("embed").freeze, ElementsAre(NormKind::kScale));
  EXPECT_EQ(only(sweep, "Teacher").model.family, ModelFamily::kMlp);
  EXPECT_EQ(only(sweep, "Teacher").model.hidden, 128);
  EXPECT_EQ(sweep.trials.size(), 2u * 6);  // OnlyDyT and OnlyLayerNorm are the same functions as others
}

TEST(Presets, CorrectedPutsASelectorAtEveryNorm) {
  const Sweep sweep = expanded(all_presets("corrected"), preset_file());
  for (const char* site : {"pre_attn", "pre_ffn", "final"}) {
    EXPECT_EQ(only(sweep, "AutoNorm").norm_at(site).kind, NormKind::kSelector);
    EXPECT_EQ(only(sweep, "FrozenDyT").norm_at(site).kind, NormKind::kScale);
    EXPECT_EQ(only(sweep, "FrozenLN").norm_at(site).kind, NormKind::kLayer);
  }
  EXPECT_EQ(only(sweep, "AutoNorm").norm_at("embed").kind, NormKind::kNone);
  EXPECT_EQ(only(sweep, "AutoNorm").norm.gate_eval, GateEval::kExpected);
  EXPECT_EQ(only(sweep, "RandomSelector").norm.gate_eval, GateEval::kExpected);
  EXPECT_EQ(only(sweep, "Teacher").model.dim, 128);
  EXPECT_EQ(trial_id(only(sweep, "DisableSelector")), trial_id(only(sweep, "OnlyLayerNorm")));
  EXPECT_EQ(trial_id(only(sweep, "DisableSelector")), trial_id(only(sweep, "FrozenLN")));
}

TEST(Presets, KeysOfTheVariantOverrideThePreset) {
  for (const char* profile : {"faithful", "corrected"}) {
    const Sweep sweep = expanded(
        all_presets(profile) +
            "[[variant]]\nuse = \"AutoNorm\"\nname = \"AutoNorm, Gumbel\"\nnorm = { gate = \"gumbel\", tau = 0.5 }\n",
        preset_file());
    const NormConfig norm =
        only(sweep, "AutoNorm, Gumbel").norm_at(std::string(profile) == "faithful" ? "embed" : "pre_ffn");
    EXPECT_EQ(norm.kind, NormKind::kSelector);
    EXPECT_EQ(norm.gate, Gate::kGumbel);
    EXPECT_DOUBLE_EQ(norm.tau, 0.5);
  }
}

// The example of the documentation, whole.
TEST(Presets, TheDocumentedExampleExpands) {
  const Sweep sweep = expanded(R"(
include = ["presets/autonorm.toml"]
[sweep]
name     = "autonorm-ablation"
question = "Does the learned selector beat a fixed normalization?"
baseline = "DisableSelector"
metric   = "test/accuracy"
margin   = 0.005
alpha    = 0.05
seeds    = { count = 5 }
profile  = "faithful"
[base]
ranks = 1
data  = { name = "fashion-mnist" }
model = { family = "vit", patch = 7, dim = 64, depth = 6, heads = 4, mlp_ratio = 2.0 }
train = { epochs = 5, batch = 128, optimizer = "adamw", lr = 1e-3, weight_decay = 0.05, warmup = 0.05, schedule = "cosine" }
[[variant]]
use = "DisableSelector"
[[variant]]
use = "AutoNorm"
norm = { gate = "gumbel", tau = 0.5 }
name = "AutoNorm, Gumbel"
[[variant]]
name = "RMSNorm"
norm = { kind = "rms", eps = 1e-6 }
[[variant]]
name = "DyT, LN last"
norm = { kind = "dyt", alpha0 = 0.5 }
norm_sites = { final = { kind = "layer" } }
[matrix]
"data.name" = ["fashion-mnist", "mnist"]
[stage.teacher]
model = { family = "vit", dim = 128, depth = 8 }
norm  = { kind = "layer" }
[[variant]]
use = "AutoNorm"
name = "AutoNorm, distilled"
train = { distill = { from = "teacher", temperature = 2.0, alpha = 0.3 } }
)",
                               preset_file());
  EXPECT_EQ(sweep.cells.size(), 5u * 2 * 5);
  EXPECT_EQ(sweep.trials.size(), 50u + 10);
  EXPECT_EQ(only(sweep, "DyT, LN last").norm_at("final").kind, NormKind::kLayer);
}

TEST(Presets, NormsHaveTheSettingsOfTheirSources) {
  const auto source = load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps/presets/norms.toml");
  ASSERT_TRUE(source.ok()) << source.status().message();
  std::string text =
      "include = [\"presets/norms.toml\"]\n[sweep]\nname = \"n\"\nbaseline = \"ADyTClass\"\nseeds = [0, 1]\n";
  for (const char* name : {"ADyTClass", "ADyTCommandLine", "ADyTDocumented", "DyTLanguage", "LearnableScaler",
                           "SwitchableSamples", "SwitchableTokens", "UnifiedVision", "UnifiedLanguage",
                           "PowerNormOfDtn", "PRepBNVision", "PRepBNLanguage", "DTN", "BHyT"}) {
    text += std::string("[[variant]]\nuse = \"") + name + "\"\n";
  }
  const Sweep sweep = expanded(text, {{"presets/norms.toml", source->files.at(source->root)}});
  EXPECT_EQ(only(sweep, "ADyTClass").norm.beta_g, 0.99);
  EXPECT_EQ(only(sweep, "ADyTCommandLine").norm.beta_g, 0.9);
  EXPECT_EQ(only(sweep, "ADyTDocumented").norm.lambda, 0.5);
  EXPECT_EQ(only(sweep, "DyTLanguage").norm_at("pre_attn").alpha0, 0.8);
  EXPECT_EQ(only(sweep, "SwitchableTokens").norm.decay, 0.997);
  EXPECT_FALSE(only(sweep, "UnifiedLanguage").norm.filtration);
  EXPECT_EQ(only(sweep, "PowerNormOfDtn").norm.warmup_iters, 3000);
  EXPECT_FALSE(only(sweep, "DyTLanguage").norm_at("final").bias);
  EXPECT_TRUE(only(sweep, "DyTLanguage").norm_at("embed").scalar);
  EXPECT_EQ(only(sweep, "PRepBNLanguage").norm.first, PrepbnFirst::kRms);
  EXPECT_EQ(only(sweep, "DTN").norm_at("pre_attn").kind, NormKind::kDtn);
  EXPECT_EQ(only(sweep, "DTN").norm_at("pre_ffn").kind, NormKind::kLayer);
  EXPECT_EQ(only(sweep, "BHyT").norm_at("pre_ffn").lambda, 1.0);
  EXPECT_EQ(only(sweep, "BHyT").norm_at("final").kind, NormKind::kRms);
}

// Every model of presets/models.toml fits an ImageNet-like set of the user's own, in both profiles.
TEST(Presets, ModelsOfTheSourcesExpand) {
  const auto source = load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps/mae_tiny.toml");
  ASSERT_TRUE(source.ok()) << source.status().message();
  for (const char* profile : {"faithful", "corrected"}) {
    std::string text = cat("include = [\"presets/models.toml\"]\n[sweep]\nname = \"all\"\nbaseline = \"ViT-T\"\n",
                           "seeds = [0, 1]\nprofile = \"", profile,
                           "\"\n[base]\ndata = { kind = \"idx\", path = \"p\", sha256 = \"00\" }\n");
    const std::vector<std::string> names{
        "ViT-T",         "ViT-S",           "ViT-B",        "ViT-L",      "AutoNormTransformer", "AutoNormFirst",
        "MAE-B",         "MAE-B-finetuned", "MAE-B-probed", "T2T-ViT-14", "T2T-ViT-S-LN",        "T2T-ViT-S-UN",
        "T2T-ViT-S-DTN", "MLPTeacher",      "ViTTeacher",   "MAE-tiny",   "FT-Transformer",      "FT-TransformerTuned",
        "ResNet-20"};
    for (const std::string& name : names) text += cat("[[variant]]\nuse = \"", name, "\"\n");
    const Sweep sweep = expanded(text, source->files);
    EXPECT_EQ(sweep.cells.size(), 2 * names.size());
    EXPECT_EQ(only(sweep, "AutoNormTransformer").model.family,
              std::string(profile) == "faithful" ? ModelFamily::kAutonorm : ModelFamily::kAutonormCorrected);
    EXPECT_EQ(only(sweep, "MAE-B").model.decoder_dim, 512);
  }
}

// The published model has one site, the small vit of a sweep four.
TEST(Presets, TheVariantsOfAutoNormFitItsOwnModelsToo) {
  for (const char* family : {"vit", "autonorm", "autonorm_corrected", "autonorm_v0"}) {
    for (const char* profile : {"faithful", "corrected"}) {
      std::string text =
          cat("include = [\"presets/autonorm.toml\"]\n[sweep]\nname = \"n\"\nquestion = \"q\"\n",
              "baseline = \"DisableSelector\"\nmetric = \"test/accuracy\"\nseeds = [1]\nprofile = \"", profile,
              "\"\n[base]\ndata = { name = \"mnist\" }\nmodel = { family = \"", family, "\" }\n");
      for (const char* name :
           {"AutoNorm", "DisableSelector", "RandomSelector", "FrozenDyT", "FrozenLN", "OnlyDyT", "OnlyLayerNorm"})
        text += cat("[[variant]]\nuse = \"", name, "\"\n");
      const Sweep sweep = expanded(text, preset_file());
      ASSERT_EQ(sweep.variants.size(), 7u) << family << ", " << profile;
      EXPECT_EQ(
          only(sweep, "AutoNorm").norm_at("embed").kind,
          std::string(family) == "vit" && std::string(profile) == "corrected" ? NormKind::kNone : NormKind::kSelector)
          << family;
    }
  }
}

TEST(Sweeps, MaeTinyIsThePublishedOne) {
  const Sweep sweep = sweep_file("mae_tiny.toml");
  EXPECT_EQ(sweep.variants, (std::vector<std::string>{"LN", "DyT", "ADyT"}));
  EXPECT_EQ(sweep.trials.size(), 9u);
  EXPECT_THAT(sweep.warnings, IsEmpty());
  const TrialConfig config = only(sweep, "ADyT");
  EXPECT_EQ(config.model.family, ModelFamily::kMae);
  EXPECT_EQ(config.data.pixels, PixelRange::kUnit);
  EXPECT_EQ(config.data.val_fraction, 0.0);
  EXPECT_EQ(config.train.epochs, 10);
  EXPECT_EQ(config.train.horizon, 60);
  EXPECT_TRUE(config.train.decay_all);
  EXPECT_EQ(config.train.clip, 0.0);
  EXPECT_EQ(config.norm_at("decoder").beta_g, 0.9);
}

TEST(Presets, AnErrorInAnIncludedFilePointsThere) {
  const std::string text =
      failure("include = [\"presets/own.toml\"]\n" + kHead + "[[variant]]\nuse = \"Mine\"\nname = \"LN\"\n",
              {{"presets/own.toml", "[preset.both.Mine]\nnorm = { kind = \"layr\" }\n"}});
  EXPECT_EQ(text, cat("presets/own.toml:2:17: error: norm.kind = 'layr' is unknown; allowed: ",
                      join(std::vector<std::string>(words<NormKind>().begin(), words<NormKind>().end())),
                      "; did you mean 'layer'?\n"
                      "  norm = { kind = \"layr\" }\n"
                      "                  ^"));
}

TEST(Presets, IncludesAreRelativeToTheFileThatNamesThem) {
  const Sweep sweep =
      expanded("include = [\"a/first.toml\"]\n" + kHead + "[[variant]]\nuse = \"Mine\"\nname = \"LN\"\n",
               {{"a/first.toml", "include = [\"second.toml\", \"../third.toml\"]\n"},
                {"a/second.toml", "[preset.both.Mine]\ntrain.lr = 0.25\n"},
                {"third.toml", "[preset.both.Other]\n"}});
  EXPECT_DOUBLE_EQ(only(sweep, "LN").train.lr, 0.25);
}

TEST(Presets, LoadingReadsTheIncludesToo) {
  const auto source = load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps/ablation.toml");
  ASSERT_TRUE(source.ok());
  EXPECT_EQ(source->root, "ablation.toml");
  EXPECT_EQ(source->files.size(), 2u);
  EXPECT_TRUE(source->files.contains("presets/autonorm.toml"));
}

TEST(Presets, AMissingFileGivesARemedy) {
  const auto source = load_sweep_source("/no/such/sweep.toml");
  ASSERT_FALSE(source.ok());
  EXPECT_EQ(source.status().code(), Code::kNotFound);
  EXPECT_THAT(
      source.status().message(),
      HasSubstr(
          "there is no file /no/such/sweep.toml; give the path of a sweep file, for example sweeps/quickstart.toml"));
  EXPECT_THAT(load_sweep_source(AUTONORM_SOURCE_DIR "/sweeps").status().message(), HasSubstr("is a folder"));
}

}  // namespace
}  // namespace autonorm::config
