// Each foldable norm, folded into a ViT's Linear layers, gives the same logits.
#include "core/models/fold.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <algorithm>

#include "core/config/catalogue.h"
#include "core/norms/fold.h"
#include "core/norms/registry.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::models {
namespace {

using config::NormConfig;
using config::NormKind;
using norms::largest_difference;
using norms::random_tensor;

struct Foldable {
  std::string name;
  NormConfig norm;
};
void PrintTo(const Foldable& one, std::ostream* out) { *out << one.name; }

std::vector<Foldable> foldable_norms() {
  std::vector<Foldable> all;
  const auto add = [&](const std::string& name, NormKind kind, void (*change)(NormConfig&) = nullptr) {
    NormConfig norm = config::default_norm(kind);
    if (change != nullptr) change(norm);
    all.push_back({name, norm});
  };
  for (const norms::RegistryRow& row : norms::registry()) {
    if (norms::folded_config(config::default_norm(row.kind))) add(std::string(row.name), row.kind);
  }
  const auto over_batch = [](NormConfig& norm) { norm.axis = config::FeatureAxis::kBatch; };
  add("minmax_of_a_batch", NormKind::kMinmax, over_batch);
  add("zscore_of_a_batch", NormKind::kZscore, over_batch);
  add("feature_mix_of_a_batch", NormKind::kFeatureMix, over_batch);
  add("batch_plain", NormKind::kBatch, [](NormConfig& norm) { norm.affine = false; });
  add("power_norm_without_groups", NormKind::kPowerNorm, [](NormConfig& norm) { norm.scale_groups = 0; });
  add("scale_norm_per_channel", NormKind::kScaleNorm, [](NormConfig& norm) { norm.per_channel = true; });
  add("dyt_without_bias", NormKind::kDyt, [](NormConfig& norm) { norm.bias = false; });
  add("switchable_by_token", NormKind::kSwitchable, [](NormConfig& norm) { norm.form = config::SwitchForm::kToken; });
  return all;
}

config::TrialConfig config_with(const NormConfig& norm) {
  config::TrialConfig config;
  config.model = {.patch = 2, .dim = 16, .depth = 2, .heads = 2, .pool = config::Pool::kCls, .qkv_bias = false};
  config.norm = norm;
  return config;
}

constexpr InputShape kInput{.channels = 1, .height = 8, .width = 8, .classes = 10};

// Parameters away from where they start, and running values that have seen a few batches.
std::unique_ptr<Model> trained_model(const config::TrialConfig& config) {
  auto model = std::move(*make_model(config, kInput));
  const at::NoGradGuard no_grad;
  for (norms::Parameter& p : model->table().parameters()) p.value.add_(random_tensor(p.name, p.value.sizes()), 0.1);
  for (int64_t step = 0; step < 3; ++step) {
    model->forward(random_tensor("before" + std::to_string(step), {6, 1, 8, 8}), {.step = step});
  }
  return model;
}

at::Tensor logits(Model& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  return model.forward(images, {.training = false});
}

class Fold : public testing::TestWithParam<Foldable> {};

TEST_P(Fold, GivesTheSameLogits) {
  const config::TrialConfig config = config_with(GetParam().norm);
  const auto model = trained_model(config);
  const auto folded = fold(config, *model, kInput);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  EXPECT_EQ(folded->sites.size(), 5u);  // pre_attn and pre_ffn twice, final
  const at::Tensor images = random_tensor("images", {16, 1, 8, 8});
  EXPECT_LE(largest_difference(logits(*model, images), logits(*folded->model, images)), 1e-4);
  const int64_t qkv_biases = 2 * 3 * 16;
  EXPECT_LE(folded->model->table().count(), model->table().count() + qkv_biases);
  // It is a configuration that people may write, with fewer multiply-accumulates than before or as many.
  const auto again = config::parse_trial(config::resolved(folded->config));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_LE(folded->model->macs(), model->macs());
}

TEST_P(Fold, LeavesNothingToFold) {
  const config::TrialConfig config = config_with(GetParam().norm);
  const auto model = trained_model(config);
  const auto folded = fold(config, *model, kInput);
  ASSERT_TRUE(folded.ok());
  EXPECT_FALSE(fold(folded->config, *folded->model, kInput).ok());
}

TEST_P(Fold, LeavesTheTrainedModelAlone) {
  const config::TrialConfig config = config_with(GetParam().norm);
  const auto model = trained_model(config);
  const at::Tensor images = random_tensor("images", {4, 1, 8, 8});
  const at::Tensor before = logits(*model, images);
  ASSERT_TRUE(fold(config, *model, kInput).ok());
  EXPECT_TRUE(norms::same_bits(before, logits(*model, images)));
}

INSTANTIATE_TEST_SUITE_P(Norms, Fold, testing::ValuesIn(foldable_norms()),
                         [](const auto& info) { return info.param.name; });

// What folded_config() promises of a configuration, fold() of the norm keeps, and the other way round.
TEST(FoldRules, NormsAndTheirConfigurationsAgree) {
  std::vector<Foldable> all = foldable_norms();
  for (const norms::RegistryRow& row : norms::registry()) {
    NormConfig norm = config::default_norm(row.kind);
    all.push_back({std::string(row.name), norm});
    norm.affine = false;
    all.push_back({cat(row.name, " plain"), norm});
  }
  for (const auto& [name, norm] : all) {
    NormConfig whole = norm;
    if (whole.kind == NormKind::kSelector) whole.branches = config::default_branches();
    norms::ParameterTable table(norms::kTestSeed);
    const auto built = norms::make_norm(whole, 16, "site", table);
    EXPECT_EQ(built->fold().has_value(), norms::folded_config(whole).has_value()) << name;
  }
}

TEST(FoldRules, OnlyTheSitesBeforeALinearFold) {
  config::TrialConfig config = config_with(config::default_norm(NormKind::kDtn));
  config.norm_sites["embed"] = config::default_norm(NormKind::kLayer);
  config.norm_sites["post_ffn"] = config::default_norm(NormKind::kBatch);
  const auto none = fold(config, *trained_model(config), kInput);
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.status().message(), testing::HasSubstr("dtn"));
  config.norm_sites["final"] = config::default_norm(NormKind::kRms);
  const auto model = trained_model(config);
  const auto folded = fold(config, *model, kInput);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  ASSERT_EQ(folded->sites.size(), 1u);
  EXPECT_EQ(folded->sites[0].site, "final");
  EXPECT_EQ(folded->sites[0].linear, "head");
  const at::Tensor images = random_tensor("images", {8, 1, 8, 8});
  EXPECT_LE(largest_difference(logits(*model, images), logits(*folded->model, images)), 1e-4);
}

TEST(FoldRules, AnMlpHasNothingToFold) {
  config::TrialConfig config;
  config.model = {.family = config::ModelFamily::kMlp};
  const auto model = std::move(*make_model(config, kInput));
  EXPECT_FALSE(fold(config, *model, kInput).ok());
}

}  // namespace
}  // namespace autonorm::models
