// What is and what is not part of a trial's identity. The canonical texts are goldens: a change of one is a change of
// every stored id, so it needs a new `format` or `numerics`, never an edit here.
#include <gtest/gtest.h>

#include <limits>

#include "core/base/sha256.h"
#include "core/config/trial_config.h"
#include "core/config/trial_identity.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

const char* const kManyKeys =
    R"({"config":{"data":{"name":"mnist","val_fraction":0.2},"model":{"patch":7,"pool":"cls"},"norm":{"alpha0":0.8,"kind":"dyt"},)"
    R"("norm_sites":{"embed":{"branches":[{"kind":"rms"},{"eps":0.001,"kind":"layer"}],"freeze":["rms"],"gate":"gumbel",)"
    R"("kind":"selector","tau":0.5},"final":{"kind":"rms"}},"ranks":2,"seed":3,)"
    R"("train":{"distill":{"alpha":0.3,"from":"0a"},"lr":0.01,"schedule":"constant"}},)"
    R"("data":"b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a","device":"cuda","format":1,)"
    R"("numerics":{"data.mnist":1,"gate.gumbel":1,"loss.cross_entropy":1,"loss.distill":1,"model.vit":1,"norm.dyt":2,)"
    R"("norm.layer":2,"norm.rms":2,"norm.selector":2,"optimizer.adamw":1,"schedule.constant":1,"training":2}})";

TrialConfig trial(const std::string& text) {
  const auto config = parse_trial(json::parse(text));
  EXPECT_TRUE(config.ok()) << config.status().message();
  return config.ok() ? *config : TrialConfig{};
}
TrialId id(const std::string& text) { return trial_id(trial(text)); }

TEST(TrialIdentity, GoldenDefault) {
  EXPECT_EQ(
      canonical(TrialConfig{}),
      R"({"config":{},"data":"6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8","device":"auto","format":1,)"
      R"("numerics":{"data.digits":1,"loss.cross_entropy":1,"model.vit":1,"norm.layer":2,"optimizer.adamw":1,"schedule.cosine":1,"training":2}})");
}

// Keys of another optimizer, and those that come with averages or penalties, are there when they differ from their own
// defaults.
TEST(TrialIdentity, GoldenOfOptimizers) {
  const auto train_of = [](const std::string& train) {
    const json identity = json::parse(canonical(trial(R"({"train": )" + train + "}")));
    const auto numerics = identity["numerics"];
    for (const auto& [kind, version] : numerics.items()) {
      if (kind.starts_with("optimizer.")) return identity["config"]["train"].dump() + " " + kind;
    }
    return std::string();
  };
  EXPECT_EQ(train_of(R"({"optimizer": "sgd"})"), R"({"optimizer":"sgd"} optimizer.sgd)");
  EXPECT_EQ(train_of(R"({"optimizer": "sgd", "momentum": 0.5, "nesterov": true})"),
            R"({"momentum":0.5,"nesterov":true,"optimizer":"sgd"} optimizer.sgd)");
  EXPECT_EQ(train_of(R"({"optimizer": "lamb", "beta2": 0.99})"), R"({"beta2":0.99,"optimizer":"lamb"} optimizer.lamb)");
  EXPECT_EQ(train_of(R"({"optimizer": "lars", "momentum": 0.5})"),
            R"({"momentum":0.5,"optimizer":"lars"} optimizer.lars)");
  EXPECT_EQ(train_of(R"({"patience": 3})"), R"({"patience":3} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"start": {"from": "t", "head_only": true}})"),
            R"({"start":{"from":"stage:t","head_only":true}} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"ema": 0.5})"), R"({"ema":0.5} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"ema": 0.5, "ema_start": "at_once"})"),
            R"({"ema":0.5,"ema_start":"at_once"} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"policy": "auto_augment"})"), R"({"policy":"auto_augment"} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"policy": "rand_augment"})"), R"({"policy":"rand_augment"} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"policy": "rand_augment", "rand_layers": 2, "rand_magnitude": 7, "rand_increasing": false})"),
            R"({"policy":"rand_augment","rand_increasing":false,"rand_magnitude":7.0} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"feature_decay": 0.25})"), R"({"feature_decay":0.25} optimizer.adamw)");
  EXPECT_EQ(train_of(R"({"schedule": "learnable_scaler"})"), R"({"schedule":"learnable_scaler"} optimizer.adamw)");
}

// Which corruptions there are counts, not their order.
TEST(TrialIdentity, GoldenOfCorruptions) {
  const auto data_of = [](const std::string& data) {
    const json identity = json::parse(canonical(trial(R"({"data": )" + data + "}")));
    return identity["config"]["data"].dump() + " " + identity["numerics"].value("corruption", json()).dump();
  };
  EXPECT_EQ(data_of(R"({"corruptions": ["rotate", "contrast"]})"), R"({"corruptions":["contrast","rotate"]} 1)");
  EXPECT_EQ(data_of(R"({"corruptions": ["contrast"], "severity": 2})"),
            R"({"corruptions":["contrast"],"severity":2} 1)");
  EXPECT_EQ(data_of(R"({"corruptions": ["contrast"], "corruption_scale": "mnist"})"),
            R"({"corruption_scale":"mnist","corruptions":["contrast"]} 1)");
  EXPECT_EQ(data_of(R"({"tta": true})"), R"({"tta":true} null)");
  EXPECT_EQ(id(R"({"data": {"corruptions": []}})"), id("{}"));
}

TEST(TrialIdentity, GoldenOfManyKeys) {
  const TrialConfig config = trial(R"({
    "seed": 3, "ranks": 2, "device": "cuda", "data": {"name": "mnist", "val_fraction": 0.2},
    "model": {"patch": 7, "pool": "cls"}, "norm": {"kind": "dyt", "alpha0": 0.8},
    "norm_sites": {"final": "rms", "embed": {"kind": "selector", "branches": ["rms", {"kind": "layer", "eps": 1e-3}],
                   "gate": "gumbel", "tau": 0.5, "freeze": ["rms"]}},
    "train": {"lr": 0.01, "schedule": "constant", "log_every": 3, "distill": {"from": "teacher", "alpha": 0.3}},
    "run": {"priority": 1}, "inputs": {"teacher": "0a"}})");
  EXPECT_EQ(canonical(config), kManyKeys);
  EXPECT_EQ(trial_id(config).value(), "f714f9baec767f2aadbadc15bfda0e104eaff7283e6df84a9cbdd6cd689c4abc");
}

TEST(TrialIdentity, IdIsTheHashOfTheCanonicalText) {
  EXPECT_EQ(trial_id(TrialConfig{}).value(), sha256(canonical(TrialConfig{})).value());
  EXPECT_EQ(trial_id(TrialConfig{}).value().size(), 64u);
}

TEST(TrialIdentity, SpelledOutDefaultsDoNotMatter) {
  EXPECT_EQ(id("{}"), id(resolved(TrialConfig{}).dump()));
  EXPECT_EQ(id(R"({"norm": {"kind": "rms"}})"), id(R"({"norm": {"kind": "rms", "eps": 1e-6}})"));
  EXPECT_NE(id(R"({"norm": {"kind": "rms"}})"), id(R"({"norm": {"kind": "rms", "eps": 1e-5}})"));
  EXPECT_EQ(id(R"({"norm": {"kind": "selector"}})"),
            id(R"({"norm": {"kind": "selector", "branches": ["scale", "layer"]}})"));
}

TEST(TrialIdentity, OrderOfKeysDoesNotMatter) {
  EXPECT_EQ(id(R"({"train": {"lr": 0.01, "batch": 32}, "model": {"dim": 32}})"),
            id(R"({"model": {"dim": 32}, "train": {"batch": 32, "lr": 0.01}})"));
}

TEST(TrialIdentity, ExecutionKeysDoNotMatter) {
  EXPECT_EQ(id("{}"), id(R"({"run": {"priority": 9, "timeout_s": 5, "stall_timeout_s": 7, "max_attempts": 1}})"));
  EXPECT_EQ(id("{}"), id(R"({"train": {"log_every": 5, "checkpoint_every": 50}})"));
}

TEST(TrialIdentity, WhatChangesTheResultMatters) {
  for (const char* change :
       {R"({"seed": 1})", R"({"ranks": 2})", R"({"device": "cpu"})",
        R"({"data": {"name": "mnist"}, "model": {"patch": 4}})", R"({"data": {"val_fraction": 0.2}})",
        R"({"model": {"depth": 3}})", R"({"norm": {"kind": "rms"}})", R"({"norm_sites": {"final": "rms"}})",
        R"({"norm_sites": {"embed": "layer"}})", R"({"train": {"eval_every": 2}})", R"({"train": {"accumulate": 2}})",
        R"({"train": {"distill": {"from": "teacher"}}})"}) {
    EXPECT_NE(id("{}"), id(change)) << change;
  }
}

TEST(TrialIdentity, OnlyWhatTheSitesGetMatters) {
  const char* short_form = R"({"norm_sites": {"embed": "selector"}})";
  EXPECT_EQ(
      id(short_form),
      id(R"({"norm": {"kind": "selector"}, "norm_sites": {"pre_attn": "layer", "pre_ffn": "layer", "final": "layer", "embed": "norm"}})"));
  EXPECT_EQ(
      id(short_form),
      id(R"({"norm": {"kind": "dyt"}, "norm_sites": {"pre_attn": "layer", "pre_ffn": "layer", "final": "layer", "embed": "selector"}})"));
  EXPECT_EQ(id(R"({"norm_sites": {"final": "layer", "embed": "none"}})"), id("{}"));
  // Without noise there is nothing to expect.
  EXPECT_EQ(id(R"({"norm": {"kind": "selector", "gate_eval": "expected"}})"), id(R"({"norm": {"kind": "selector"}})"));
  EXPECT_NE(id(R"({"norm": {"kind": "selector", "gate": "random", "gate_eval": "expected"}})"),
            id(R"({"norm": {"kind": "selector", "gate": "random"}})"));
}

TEST(TrialIdentity, AStageCountsByItsTrialNotItsName) {
  EXPECT_EQ(id(R"({"train": {"distill": {"from": "a"}}, "inputs": {"a": "x"}})"),
            id(R"({"train": {"distill": {"from": "b"}}, "inputs": {"b": "x"}})"));
  EXPECT_NE(id(R"({"train": {"distill": {"from": "a"}}, "inputs": {"a": "x"}})"),
            id(R"({"train": {"distill": {"from": "a"}}, "inputs": {"a": "y"}})"));
  EXPECT_NE(id(R"({"train": {"distill": {"from": "a"}}, "inputs": {"a": "x"}})"),
            id(R"({"train": {"distill": {"from": "a", "hard": true}}, "inputs": {"a": "x"}})"));
}

TEST(TrialIdentity, CellIdLeavesTheSeedOut) {
  EXPECT_EQ(cell_id(trial("{}")), cell_id(trial(R"({"seed": 5})")));
  EXPECT_NE(cell_id(trial("{}")), cell_id(trial(R"({"train": {"lr": 0.5}})")));
}

TEST(TrialIdentity, ACellsTrialsHaveTheIdsOfTheirFullConfigurations) {
  for (const char* text :
       {"{}", R"({"norm_sites": {"final": "rms"}})", R"({"train": {"distill": {"from": "teacher", "alpha": 0.3}}})"}) {
    TrialConfig config = trial(text);
    const CellIdentity cell = CellIdentities().of(config);
    for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, std::numeric_limits<uint64_t>::max()}) {
      config.seed = seed;
      config.inputs.clear();
      EXPECT_EQ(cell.trial_id(seed, std::nullopt), trial_id(config)) << text;
      if (!config.train.distill) continue;
      const TrialId teacher("0a");
      config.inputs[config.train.distill->from] = teacher;
      EXPECT_EQ(cell.trial_id(seed, teacher), trial_id(config)) << text;
    }
  }
}

TEST(TrialIdentity, OwnFilesCountByContentNotPlace) {
  EXPECT_EQ(id(R"({"data": {"kind": "idx", "path": "a", "sha256": "77"}})"),
            id(R"({"data": {"kind": "idx", "path": "b", "sha256": "77"}})"));
  EXPECT_NE(id(R"({"data": {"kind": "idx", "path": "a", "sha256": "77"}})"),
            id(R"({"data": {"kind": "idx", "path": "a", "sha256": "78"}})"));
  EXPECT_NE(id(R"({"data": {"kind": "idx", "path": "a"}})"), id(R"({"data": {"kind": "idx", "path": "b"}})"));
}

}  // namespace
}  // namespace autonorm::config
