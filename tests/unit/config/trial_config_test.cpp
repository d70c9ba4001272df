#include "core/config/trial_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/config/catalogue.h"

namespace autonorm::config {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TrialConfig parsed(const char* text) {
  const auto config = parse_trial(json::parse(text));
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : TrialConfig{};
}

std::string error_of(const std::string& text) {
  const auto config = parse_trial(json::parse(text));
  EXPECT_FALSE(config.ok()) << text;
  return config.status().message();
}

TEST(NormSites, OthersAreTheStandardOnesThatAreNotNamed) {
  const auto parse = [](const char* text) { return *parse_trial(nlohmann::json::parse(text)); };
  const TrialConfig vit =
      parse(R"({"norm": "dyt", "norm_sites": {"others": "rms", "final": "layer", "embed": "norm"}})");
  EXPECT_EQ(vit.norm_at("pre_attn").kind, NormKind::kRms);
  EXPECT_EQ(vit.norm_at("pre_ffn").kind, NormKind::kRms);
  EXPECT_EQ(vit.norm_at("final").kind, NormKind::kLayer);
  EXPECT_EQ(vit.norm_at("embed").kind, NormKind::kDyt);
  EXPECT_EQ(vit.norm_at("post_attn").kind, NormKind::kNone);
  const TrialConfig tokens = parse(R"({"model": {"family": "ft_transformer"}, "norm_sites": {"others": "rms"},
                                       "data": {"kind": "csv", "path": "p"}})");
  EXPECT_FALSE(tokens.norm_sites.contains("post_attn")) << "a pre-norm model has none there";
  EXPECT_EQ(tokens.norm_at("final").kind, NormKind::kRms);
  EXPECT_EQ(trial_id(*parse_trial(resolved(vit))), trial_id(vit));
}

TEST(NormKinds, AFunctionOfTheZooIsAKindOfItsOwn) {
  const auto parse = [](const char* text) { return *parse_trial(nlohmann::json::parse(text)); };
  EXPECT_EQ(trial_id(parse(R"({"norm": "arctan"})")),
            trial_id(parse(R"({"norm": {"kind": "derf", "function": "arctan"}})")));
  EXPECT_EQ(parse(R"({"norm": "isru"})").norm.kind, NormKind::kIsru);
  EXPECT_FALSE(parse_trial(nlohmann::json::parse(R"({"norm": "arctangent"})")).ok());
}

TEST(TrialConfig, AnEmptyObjectIsAllDefaults) { EXPECT_EQ(resolved(parsed("{}")), resolved(TrialConfig{})); }

TEST(TrialConfig, ResolvedReadsBackTheSame) {
  const TrialConfig config = parsed(R"({
    "seed": 7, "ranks": 2, "device": "cpu",
    "data": {"name": "mnist", "val_fraction": 0.2, "train_limit": 1000},
    "model": {"family": "vit", "patch": 7, "dim": 96, "depth": 3, "heads": 3, "mlp_ratio": 4, "pool": "cls", "qkv_bias": false},
    "norm": {"kind": "rms", "affine": false},
    "norm_sites": {"embed": {"kind": "selector", "gate": "gumbel", "tau": 0.5, "hard": false, "branches": ["dyt", {"kind": "rms", "eps": 1e-3}],
                             "freeze": ["dyt"], "gate_hidden": 16, "gate_eval": "expected"},
                   "final": {"kind": "none"}},
    "train": {"epochs": 3, "batch": 60, "accumulate": 2, "lr": 0.002, "schedule": "constant", "precision": "bf16",
              "distill": {"from": "teacher", "temperature": 2, "alpha": 0.3}, "log_every": 5, "checkpoint_every": 15},
    "run": {"priority": 3, "max_attempts": 5},
    "inputs": {"teacher": "abc"}})");
  const json text = resolved(config);
  EXPECT_EQ(resolved(*parse_trial(text)), text);
  EXPECT_EQ(canonical(*parse_trial(text)), canonical(config));
  EXPECT_EQ(config.norm_sites.at("embed").branches.at(1).eps, 1e-3);
  EXPECT_EQ(config.train.distill->temperature, 2.0);
  EXPECT_EQ(config.inputs.at("teacher"), TrialId("abc"));
}

TEST(TrialConfig, IdxFilesReadBack) {
  const TrialConfig config = parsed(R"({"data": {"kind": "idx", "path": "letters", "sha256": "00"}})");
  EXPECT_EQ(config.data.source, DataSource::kIdx);
  EXPECT_EQ(resolved(config)["data"]["kind"], "idx");
  EXPECT_EQ(resolved(*parse_trial(resolved(config))), resolved(config));
}

TEST(TrialConfig, EpsDependsOnTheKind) {
  EXPECT_DOUBLE_EQ(parsed(R"({"norm": {"kind": "layer"}})").norm.eps, 1e-5);
  EXPECT_DOUBLE_EQ(parsed(R"({"norm": {"kind": "rms"}})").norm.eps, 1e-6);
  EXPECT_DOUBLE_EQ(parsed(R"({"norm_sites": {"final": "rms"}})").norm_sites.at("final").eps, 1e-6);
}

TEST(TrialConfig, ASelectorBlendsScaleAndLayerByDefault) {
  const NormConfig norm = parsed(R"({"norm": {"kind": "selector"}})").norm;
  ASSERT_EQ(norm.branches.size(), 2u);
  EXPECT_EQ(norm.branches[0].kind, NormKind::kScale);
  EXPECT_EQ(norm.branches[1].kind, NormKind::kLayer);
}

TEST(TrialConfig, NormAtASite) {
  const TrialConfig config = parsed(R"({"norm": {"kind": "rms"}, "norm_sites": {"final": "layer", "embed": "norm"}})");
  EXPECT_EQ(config.norm_at("pre_attn").kind, NormKind::kRms);
  EXPECT_EQ(config.norm_at("final").kind, NormKind::kLayer);
  EXPECT_EQ(config.norm_at("embed").kind, NormKind::kRms);
  EXPECT_EQ(config.norm_at("post_ffn").kind, NormKind::kNone);
}

TEST(TrialConfig, DefaultsOfAModelAreThoseOfItsFamily) {
  const TrialConfig mae = parsed(R"({"data": {"kind": "idx", "path": "p"}, "model": {"family": "mae", "depth": 3}})");
  EXPECT_EQ(mae.model.dim, 768);
  EXPECT_EQ(mae.model.depth, 3);
  EXPECT_EQ(mae.norm_at("decoder").kind, NormKind::kLayer);
  EXPECT_EQ(parsed(R"({"model": {"family": "ft_transformer"}})").model.mlp_ratio, 1.333333333333333);
}

TEST(TrialConfig, LayeredSitesHaveLayerNormUnlessNamed) {
  const TrialConfig plain = parsed(R"({"model": {"family": "autonorm"}, "norm": {"kind": "selector"}})");
  EXPECT_EQ(plain.norm_at("embed").kind, NormKind::kSelector);
  EXPECT_EQ(plain.norm_at("post_ffn").kind, NormKind::kLayer);
  const TrialConfig named = parsed(R"({"model": {"family": "autonorm"}, "norm_sites": {"post_ffn": "none"}})");
  EXPECT_EQ(named.norm_at("post_ffn").kind, NormKind::kNone);
}

TEST(TrialConfig, ReplacedNormsAreThoseOfAKindAtEverySite) {
  const TrialConfig config = parsed(R"({"model": {"family": "autonorm"},
    "norm": {"kind": "selector", "branches": ["scale", "layer"]}, "replace_norm": {"layer": {"kind": "dyt", "alpha0": 0.8}}})");
  EXPECT_EQ(config.norm_at("embed").branches.at(1).kind, NormKind::kDyt);
  EXPECT_EQ(config.norm_at("embed").branches.at(0).kind, NormKind::kScale);
  EXPECT_EQ(config.norm_at("post_ffn").kind, NormKind::kDyt);
  EXPECT_EQ(config.norm_at("post_ffn").alpha0, 0.8);
  const TrialConfig swapped =
      parsed(R"({"norm": "rms", "norm_sites": {"final": "layer"}, "replace_norm": {"layer": "rms", "rms": "layer"}})");
  EXPECT_EQ(swapped.norm_at("pre_attn").kind, NormKind::kLayer);
  EXPECT_EQ(swapped.norm_at("final").kind, NormKind::kRms);
  EXPECT_EQ(resolved(*parse_trial(resolved(config))), resolved(config));
  EXPECT_EQ(canonical(parsed(R"({"replace_norm": {"layer": "rms"}})")), canonical(parsed(R"({"norm": "rms"})")));
  EXPECT_THAT(error_of(R"({"replace_norm": {"rms": "layer"}})"),
              HasSubstr("replace_norm: no norm of the model is of kind 'rms'"));
  EXPECT_THAT(error_of(R"({"replace_norm": {"layr": "rms"}})"), HasSubstr("did you mean 'layer'?"));
  EXPECT_THAT(error_of(R"({"replace_norm": 3})"), HasSubstr("must be a table of kind = norm"));
}

TEST(TrialConfig, ReportsAllErrorsOneEachLine) {
  const std::string text = error_of(R"({"norm": {"knd": "layer"}, "train": {"epochs": 0, "lr": "fast"}, "sed": 1})");
  EXPECT_EQ(std::ranges::count(text, '\n'), 3) << text;
  EXPECT_THAT(text, HasSubstr("unknown key 'norm.knd'; allowed: affine, eps, kind; did you mean 'kind'?"));
  EXPECT_THAT(text, HasSubstr("train.epochs = 0 is out of range; allowed: an integer from 1 to 100000"));
  EXPECT_THAT(text, HasSubstr("train.lr must be a number from 0 to 100; this is a text"));
  EXPECT_THAT(text, HasSubstr("did you mean 'seed'?"));
}

TEST(TrialConfig, KeysOfAnotherKindAreErrors) {
  EXPECT_EQ(
      error_of(R"({"norm": {"kind": "layer", "tau": 1}})"),
      "key 'norm.tau' does not belong to kind 'layer'; it needs norm.gate = gumbel; allowed here: affine, eps, kind");
  EXPECT_THAT(error_of(R"({"norm": {"kind": "selector", "weights": [0, 1]}})"),
              HasSubstr("does not belong to kind 'selector' with gate 'softmax'"));
  EXPECT_THAT(error_of(R"({"model": {"family": "mlp", "patch": 2}})"), HasSubstr("does not belong to family 'mlp'"));
  EXPECT_THAT(error_of(R"({"data": {"name": "mnist", "path": "x"}})"), HasSubstr("it needs data.kind = idx"));
}

TEST(TrialConfig, NeededKeysAreAskedFor) {
  EXPECT_THAT(error_of(R"({"norm": {"kind": "selector", "gate": "fixed"}})"), HasSubstr("norm.weights is missing"));
  EXPECT_THAT(error_of(R"({"train": {"distill": {}}})"), HasSubstr("train.distill.from is missing"));
  EXPECT_THAT(error_of(R"({"data": {"kind": "idx"}})"), HasSubstr("data.path is missing"));
}

TEST(TrialConfig, ChecksAcrossKeys) {
  EXPECT_EQ(error_of(R"({"model": {"patch": 3}})"),
            "model.patch = 3 does not divide the 8x8 images of digits; allowed: 1, 2, 4, 8");
  EXPECT_THAT(error_of(R"({"model": {"dim": 64, "heads": 5}})"),
              HasSubstr("model.heads = 5 does not divide model.dim = 64"));
  EXPECT_THAT(error_of(R"({"train": {"batch": 3, "accumulate": 2}, "ranks": 2})"),
              HasSubstr("smaller than ranks x accumulate = 2 x 2"));
  EXPECT_THAT(error_of(R"({"train": {"log_every": 10, "checkpoint_every": 15}})"),
              HasSubstr("no multiple of train.log_every = 10"));
  EXPECT_THAT(error_of(R"({"norm": {"kind": "selector", "gate": "fixed", "weights": [1]}})"),
              HasSubstr("1 weights for 2 branches"));
  EXPECT_THAT(error_of(R"({"norm": {"kind": "selector", "freeze": ["rms"]}})"),
              HasSubstr("no branch of this selector; allowed: scale, layer"));
  EXPECT_THAT(error_of(R"({"norm": {"kind": "selector", "branches": ["selector"]}})"), HasSubstr("cannot be a branch"));
  EXPECT_THAT(error_of(R"({"norm_sites": {"hidden": "layer"}})"),
              HasSubstr("unknown site 'hidden' of model family 'vit'"));
}

TEST(TrialConfig, ModelsRefuseWhatTheyCannotBuild) {
  const auto error = [](const std::string& model, const std::string& more = "") {
    return error_of(R"({"data": {"name": "fashion-mnist"}, "model": )" + model + more + "}");
  };
  EXPECT_THAT(error(R"({"family": "vitt", "patch": 7})"), HasSubstr("did you mean 'vit'?"));
  EXPECT_THAT(error(R"({"family": "mae", "patch": 7, "decoder_heads": 3})"),
              HasSubstr("model.decoder_heads = 3 does not divide model.decoder_dim = 512"));
  EXPECT_THAT(error(R"({"family": "mae", "patch": 7, "dim": 66, "heads": 6})"), HasSubstr("no multiple of 4"));
  EXPECT_THAT(error(R"({"family": "mae", "patch": 28})"), HasSubstr("keeps 0 of 1 patches"));
  EXPECT_THAT(error(R"({"family": "mae", "patch": 7})", R"(, "train": {"label_smoothing": 0.1})"),
              HasSubstr("learns from images, not from labels; allowed: 0"));
  EXPECT_THAT(error(R"({"family": "mae", "patch": 7})", R"(, "train": {"distill": {"from": "t"}})"),
              HasSubstr("makes no logits that a teacher could match"));
  EXPECT_THAT(error(R"({"family": "resnet", "depth": 18})"), HasSubstr("model.depth = 18 is not 6n + 2"));
  EXPECT_THAT(error(R"({"family": "autonorm", "patch": 3})"), HasSubstr("model.patch = 3 does not divide the 28x28"));
  EXPECT_THAT(error(R"({"family": "autonorm_v0", "heads": 5})"), HasSubstr("model.heads = 5 does not divide"));
  EXPECT_THAT(error(R"({"family": "ft_transformer"})", R"(, "norm_sites": {"post_ffn": "rms"})"),
              HasSubstr("with prenorm = true has no norm there; allowed: pre_attn, pre_ffn, final"));
}

TEST(TrialConfig, NormsAreRefusedWhereTheyCannotStand) {
  const auto error = [](const std::string& text) {
    return error_of(R"({"data": {"name": "fashion-mnist"}, )" + text + "}");
  };
  const std::string mae = R"("model": {"family": "mae", "patch": 7})";
  EXPECT_THAT(error(mae + R"(, "norm": "dtn")"),
              HasSubstr("norm: 'dtn' needs tokens on a square grid, and the encoder of 'mae' sees patches from random "
                        "places; allowed: site decoder"));
  EXPECT_EQ(parsed((R"({"data": {"name": "fashion-mnist"}, )" + mae + R"(, "norm_sites": {"decoder": "dtn"}})").c_str())
                .norm_at("decoder")
                .kind,
            NormKind::kDtn);
  EXPECT_THAT(
      error(R"("model": {"patch": 7}, "norm_sites": {"qk": "dtn"})"),
      HasSubstr("norm_sites.qk: 'dtn' needs tokens on a square grid, and site 'qk' has the tokens of all heads"));
  EXPECT_THAT(error(R"("model": {"patch": 7}, "norm_sites": {"qk": {"kind": "group", "groups": 32}})"),
              HasSubstr("norm_sites.qk.groups = 32 does not divide the 16 channels"));
  EXPECT_THAT(error(R"("model": {"family": "autonorm", "input": "table"}, "norm_sites": {"post_ffn": "instance"})"),
              HasSubstr("this model has one token"));
  EXPECT_THAT(error(R"("model": {"family": "ft_transformer"}, "norm": "instance")"),
              HasSubstr("this model has one token"));
  EXPECT_THAT(error(R"("model": {"family": "resnet"}, "norm": "dtn")"), HasSubstr("model family 'resnet' has none"));
  EXPECT_THAT(error(R"("model": {"family": "mlp"}, "norm_sites": {"decoder": "rms"})"),
              HasSubstr("unknown site 'decoder' of model family 'mlp'"));
}

TEST(TrialConfig, AGateMayReadTheClsTokenWhereOneComesFirst) {
  const std::string gate = R"({"kind": "selector", "gate_input": "cls"})";
  const auto norm_of = [&](const std::string& model, const std::string& site = "") {
    const std::string norm = site.empty() ? R"("norm": )" + gate : R"("norm_sites": {")" + site + R"(": )" + gate + "}";
    return R"({"model": )" + model + ", " + norm + "}";
  };
  const std::string mae = R"("family": "mae", "patch": 2, "heads": 4, "dim": 64)";
  for (const std::string& good :
       {norm_of(R"({"family": "vit", "pool": "cls"})"), norm_of(R"({"family": "t2t_vit"})"),
        norm_of(R"({"family": "autonorm", "patch": 2})"), norm_of(R"({"family": "autonorm_corrected", "patch": 2})"),
        norm_of("{" + mae + "}"), norm_of("{" + mae + "}", "decoder"), norm_of(R"({"family": "ft_transformer"})")}) {
    const auto config = parse_trial(json::parse(good));
    EXPECT_TRUE(config.ok()) << good << "\n" << config.status().message();
  }
  for (const auto& [bad, why] : std::vector<std::pair<std::string, std::string>>{
           {norm_of(R"({"family": "vit"})"), "this model has none (model.pool = 'mean')"},
           {norm_of(R"({"family": "vit", "pool": "cls"})", "qk"), "site 'qk' has the tokens of all heads"},
           {norm_of(R"({"family": "t2t_vit"})", "token"), "stands before the cls token"},
           {norm_of("{" + mae + R"(, "cls": false})"), "this model has none (model.cls = false)"},
           {norm_of(R"({"family": "autonorm", "input": "table"})"), "this model has one token"},
           {norm_of(R"({"family": "autonorm_v0"})"), "this model has one token"},
           {norm_of(R"({"family": "mlp"})"), "this model has one token"},
           {norm_of(R"({"family": "resnet"})"), "model family 'resnet' has none"}}) {
    EXPECT_THAT(error_of(bad), HasSubstr("gate_input = 'cls' needs a cls token as the first one, and")) << bad;
    EXPECT_THAT(error_of(bad), HasSubstr(why)) << bad;
  }
}

TEST(TrialConfig, StrangeInputIsAnErrorNotACrash) {
  for (const char* text :
       {"null", "3", "[]", "\"x\"", R"({"train": 3})", R"({"norm": []})", R"({"norm_sites": 1})", R"({"inputs": 1})",
        R"({"inputs": {"a": 1}})", R"({"seed": -1})", R"({"seed": 18446744073709551615})", R"({"seed": 1e300})",
        R"({"train": {"lr": 1e999}})", R"({"norm": {"kind": "selector", "branches": [[[]]]}})",
        R"({"norm": {"kind": 1}})", R"({"norm": {"kind": "selector", "weights": {}, "gate": "fixed"}})",
        R"({"device": 1})", R"({"train": {"distill": 1}})"}) {
    const json value = json::parse(text, nullptr, false);
    const auto config = parse_trial(value);
    EXPECT_FALSE(config.ok()) << text;
    EXPECT_FALSE(config.status().message().empty()) << text;
  }
}

TEST(TrialConfig, DeepNestingIsAnErrorNotACrash) {
  std::string text =
      R"({"norm": {"branches": )" + std::string(100000, '[') + std::string(100000, ']') + R"(, "kind": "selector"}})";
  EXPECT_FALSE(parse_trial(json::parse(text)).ok());
}

TEST(TrialConfig, NotANumberIsRefused) {
  json value = json::object();
  value["train"]["lr"] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(parse_trial(value).status().message(), HasSubstr("train.lr is not a finite number"));
}

TEST(TrialConfig, LongWordsAreCut) {
  const std::string word(10000, 'x');
  EXPECT_LT(error_of(R"({")" + word + R"(": 1})").size(), 400u);
}

}  // namespace
}  // namespace autonorm::config
