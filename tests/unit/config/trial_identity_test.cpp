// What is and what is not part of a trial's identity. The canonical texts are goldens: a change of one is a change of
// every stored id, so it needs a new `format` or `numerics`, never an edit here.
#include <gtest/gtest.h>

#include "core/base/sha256.h"
#include "core/config/trial_config.h"

namespace autonorm::config {
namespace {

using nlohmann::json;

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
      R"("numerics":{"data.digits":1,"loss.cross_entropy":1,"model.vit":1,"norm.layer":1,"optimizer.adamw":1,"schedule.cosine":1,"training":1}})");
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
}

TEST(TrialIdentity, CellIdLeavesTheSeedOut) {
  EXPECT_EQ(cell_id(trial("{}")), cell_id(trial(R"({"seed": 5})")));
  EXPECT_NE(cell_id(trial("{}")), cell_id(trial(R"({"train": {"lr": 0.5}})")));
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
