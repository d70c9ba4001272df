// The catalogue against the structs and enumerations it describes.
#include "core/config/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "core/base/text.h"
#include "core/config/value.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

template <class Enum>
void expect_same_names(std::span<const Kind> kinds) {
  ASSERT_EQ(kinds.size(), words<Enum>().size());
  for (size_t i = 0; i < kinds.size(); ++i) EXPECT_EQ(kinds[i].name, words<Enum>()[i]);
}

TEST(Catalogue, KindsFollowTheEnumerations) {
  expect_same_names<NormKind>(norms());
  expect_same_names<ModelFamily>(models());
  expect_same_names<Gate>(gates());
  expect_same_names<OptimizerKind>(optimizers());
  expect_same_names<Schedule>(schedules());
}

TEST(Catalogue, EachCorruptionHasItsMetric) {
  for (const std::string_view word : words<Corruption>()) {
    EXPECT_NE(find_metric(cat("corrupted/", word)), nullptr) << word;
  }
}

TEST(Catalogue, EveryKindHasHelpAndNumerics) {
  for (const auto& group : {norms(), models(), gates(), optimizers(), schedules(), losses(), devices()}) {
    for (const Kind& kind : group) {
      EXPECT_FALSE(kind.help.empty()) << kind.name;
      EXPECT_GE(kind.numerics, 1) << kind.name;
    }
  }
}

TEST(Catalogue, WordsReadBack) {
  EXPECT_EQ(parse_word<NormKind>("dyt"), NormKind::kDyt);
  EXPECT_EQ(parse_word<Gate>("fixed"), Gate::kFixed);
  EXPECT_EQ(name(GateEval::kExpected), "expected");
  EXPECT_EQ(parse_word<Pool>("average"), std::nullopt);
}

// A configuration in which every key is in use, taken apart over several trials.
json everything_in_use() {
  json all = json::object();
  const auto merge = [&](const char* text) {
    const auto config = parse_trial(json::parse(text));
    ASSERT_TRUE(config.ok()) << config.status().message();
    all.merge_patch(resolved(*config));
  };
  merge(R"({"data": {"kind": "csv", "path": "p", "task": "regression"}, "model": {"family": "mlp"}})");
  merge(R"({"data": {"kind": "csv", "path": "p"}, "model": {"family": "mlp"}})");
  merge(R"({"train": {"augment": "crop_flip", "policy": "rand_augment", "mixup": 0.8, "cutmix": 1}})");
  merge(R"({"data": {"kind": "idx", "path": "p"}, "model": {"family": "mlp"}, "norm": {"kind": "dyt"}})");
  merge(R"({"norm": {"kind": "selector", "gate": "fixed", "weights": [0, 1]}})");
  merge(R"({"norm": {"kind": "selector", "gate": "gumbel", "anneal": "linear"}})");
  merge(
      R"({"norm": {"kind": "selector", "gate": "gumbel"}, "train": {"distill": {"from": "t"}, "start": {"from": "t"}}})");
  merge(R"({"norm": {"kind": "feature_mix", "axis": "batch"}})");
  merge(R"({"data": {"corruptions": ["contrast"]}})");
  merge(R"({"data": {}})");
  merge(R"({"train": {"optimizer": "sgd"}})");
  merge(R"({"train": {"optimizer": "lars"}})");
  merge(R"({"train": {"optimizer": "adamw", "ema": 0.5, "feature_decay": 1}})");
  merge(R"({"train": {}})");
  for (const Kind& kind : models()) {
    merge(cat(R"({"data": {"kind": "idx", "path": "p"}, "model": {"family": ")", kind.name, R"("}})").c_str());
  }
  merge(R"({"model": {"family": "vit"}})");
  for (const Kind& kind : norms()) {
    if (kind.name != "selector") merge(cat(R"({"norm": {"kind": ")", kind.name, R"("}})").c_str());
  }
  merge(R"({"norm": {"kind": "layer"}})");
  return all;
}

TEST(Catalogue, HasExactlyTheKeysOfATrial) {
  std::set<std::string> in_use;
  const json flat = everything_in_use().flatten();
  for (const auto& [pointer, value] : flat.items()) {
    std::string path = pointer.substr(1);
    std::ranges::replace(path, '/', '.');
    if (path.starts_with("norm.branches")) path = "norm.branches";
    if (path.starts_with("norm.weights")) path = "norm.weights";
    if (path.starts_with("norm_sites") || path.starts_with("inputs")) continue;
    in_use.insert(path);
  }
  std::set<std::string> listed;
  for (const Key& key : keys()) listed.emplace(key.path);
  EXPECT_EQ(in_use, listed);
}

TEST(Catalogue, DefaultsAreThoseOfTheStructs) {
  const json defaults = everything_in_use();
  for (const Key& key : keys()) {
    if (key.fallback.empty()) continue;
    if (key.path == "norm.branches" || key.path == "norm.gate" || key.path == "model.family" || key.path == "norm.kind")
      continue;  // set above
    if (key.belongs_to.starts_with("norm.kind = ") || key.belongs_to.starts_with("model.family = ")) continue;  // below
    std::string pointer = "/" + std::string(key.path);
    std::ranges::replace(pointer, '.', '/');
    EXPECT_EQ(defaults.at(json::json_pointer(pointer)), json::parse(key.fallback)) << key.path;
  }
  EXPECT_EQ(TrialConfig{}.model.family, ModelFamily::kVit);
  EXPECT_EQ(TrialConfig{}.norm.kind, NormKind::kLayer);
}

// A key of several kinds has a row for each default. `chooser` names the kinds, `leaf` is the table's part of the
// trial.
void expect_defaults_by_kind(std::string_view chooser, const char* table, const char* leaf) {
  const std::string prefix = cat(chooser, " = ");
  for (const Key& key : keys()) {
    if (!key.belongs_to.starts_with(prefix) || key.path == "norm.branches") continue;
    std::stringstream kinds{std::string(key.belongs_to.substr(prefix.size()))};
    for (std::string kind; std::getline(kinds >> std::ws, kind, ',');) {
      const auto trial = parse_trial({{"data", {{"kind", "idx"}, {"path", "p"}}}, {table, {{leaf, kind}}}});
      ASSERT_TRUE(trial.ok()) << trial.status().message();
      EXPECT_EQ(resolved(*trial)[table][split_path(key.path).back()], json::parse(key.fallback))
          << key.path << " of " << kind;
    }
  }
}

TEST(Catalogue, DefaultsOfNormsAreThoseOfTheirKind) { expect_defaults_by_kind("norm.kind", "norm", "kind"); }
TEST(Catalogue, DefaultsOfModelsAreThoseOfTheirFamily) { expect_defaults_by_kind("model.family", "model", "family"); }

TEST(Catalogue, KeysHaveHelpAndASoundRange) {
  for (const Key& key : keys()) {
    EXPECT_FALSE(key.help.empty()) << key.path;
    EXPECT_FALSE(allowed_text(key).empty()) << key.path;
    if (key.type == KeyType::kInteger || key.type == KeyType::kReal) {
      EXPECT_LT(key.min, key.max) << key.path;
    }
    EXPECT_EQ(key.words.empty(), key.type != KeyType::kWord && key.type != KeyType::kWordList) << key.path;
  }
}

TEST(Catalogue, AllowedTextsAreForPeople) {
  EXPECT_EQ(allowed_text(*find_key("train.epochs")), "an integer from 1 to 100000");
  EXPECT_EQ(allowed_text(*find_key("norm.tau")), "a number above 0, at most 100");
  EXPECT_EQ(allowed_text(*find_key("train.schedule")), "one of cosine, constant, cosine_epochs, learnable_scaler");
  EXPECT_EQ(allowed_text(*find_key("train.optimizer")), "one of adamw, adam, sgd, lamb, lars");
  EXPECT_EQ(allowed_text(*find_key("seed")), "an integer from 0 to 9223372036854775807");
  EXPECT_EQ(allowed_text(*find_key("train.beta1")), "a number from 0 to 0.9999999");
}

TEST(Catalogue, DataSetsAreComplete) {
  EXPECT_EQ(data_sets().size(), 3u);
  for (const DataSet& set : data_sets()) {
    EXPECT_EQ(find_data_set(set.source), &set);
    EXPECT_EQ(find_data_set(set.kind.name), &set);
    EXPECT_EQ(set.fingerprint.size(), 64u);
    for (const DataFile& file : set.files) EXPECT_EQ(file.sha256.size(), 64u) << file.name;
    EXPECT_EQ(name(set.source), set.kind.name);
  }
  EXPECT_EQ(find_data_set(DataSource::kIdx), nullptr);
  EXPECT_EQ(find_data_set("cifar"), nullptr);
}

TEST(Catalogue, WordsOfKeysAreNamesOfKinds) {
  const auto expect_words = [](const char* path, std::vector<std::string_view> names) {
    const auto words = find_key(path)->words;
    EXPECT_EQ(std::vector<std::string_view>(words.begin(), words.end()), names) << path;
  };
  std::vector<std::string_view> sets, device_names, optimizer_names;
  for (const DataSet& set : data_sets()) sets.push_back(set.kind.name);
  for (const Kind& kind : devices()) device_names.push_back(kind.name);
  for (const Kind& kind : optimizers()) optimizer_names.push_back(kind.name);
  expect_words("data.name", sets);
  expect_words("device", device_names);
  expect_words("train.optimizer", optimizer_names);
}

TEST(Catalogue, MetricsKnowTheirDirection) {
  ASSERT_NE(find_metric("test/accuracy"), nullptr);
  EXPECT_TRUE(find_metric("test/accuracy")->higher_is_better);
  EXPECT_FALSE(find_metric("val/loss")->higher_is_better);
  EXPECT_TRUE(find_metric("train/samples_per_s")->higher_is_better);
  EXPECT_EQ(find_metric("accuracy"), nullptr);
}

TEST(Catalogue, SitesOfTheFamilies) {
  EXPECT_THAT(sites(ModelFamily::kVit).standard, testing::ElementsAre("pre_attn", "pre_ffn", "final"));
  EXPECT_THAT(sites(ModelFamily::kVit).optional, testing::ElementsAre("embed", "post_attn", "post_ffn", "qk", "head"));
  EXPECT_THAT(sites(ModelFamily::kMlp).standard, testing::ElementsAre("hidden"));
}

}  // namespace
}  // namespace autonorm::config
