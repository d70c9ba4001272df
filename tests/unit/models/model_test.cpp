#include "core/models/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "core/models/mac_count.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::models {
namespace {

using config::NormConfig;
using config::NormKind;
using norms::largest_difference;
using norms::random_tensor;
using norms::same_bits;
using testing::HasSubstr;

constexpr InputShape kDigits{.channels = 1, .height = 8, .width = 8, .classes = 10};

config::TrialConfig small_vit() {
  config::TrialConfig config;
  config.model = {.patch = 2, .dim = 16, .depth = 2, .heads = 4};
  return config;
}

std::unique_ptr<Model> make(const config::TrialConfig& config, const InputShape& input = kDigits) {
  auto model = make_model(config, input);
  if (!model.ok()) throw std::runtime_error(model.status().message());
  return *std::move(model);
}

std::map<std::string, at::Tensor> values(Model& model) {
  std::map<std::string, at::Tensor> by_name;
  for (const auto& p : model.table().parameters()) by_name[p.name] = p.value.detach();
  return by_name;
}

TEST(Vit, HasTheParametersOfItsShape) {
  config::TrialConfig config = small_vit();
  config.model.pool = config::Pool::kCls;
  auto model = make(config);
  const auto names = values(*model);
  EXPECT_EQ(names.at("patch_embed.weight").sizes(), (at::IntArrayRef{16, 4}));
  EXPECT_EQ(names.at("pos_embed").sizes(), (at::IntArrayRef{1, 17, 16}));
  EXPECT_EQ(names.at("cls_token").sizes(), (at::IntArrayRef{1, 1, 16}));
  EXPECT_EQ(names.at("blocks.1.attn.qkv.weight").sizes(), (at::IntArrayRef{48, 16}));
  EXPECT_EQ(names.at("blocks.1.mlp.fc1.weight").sizes(), (at::IntArrayRef{32, 16}));
  EXPECT_EQ(names.at("blocks.0.pre_attn.weight").sizes(), (at::IntArrayRef{16}));
  EXPECT_EQ(names.at("head.weight").sizes(), (at::IntArrayRef{10, 16}));
  const int64_t block = (48 * 16 + 48) + (16 * 16 + 16) + (32 * 16 + 32) + (16 * 32 + 16) + 4 * 16;
  EXPECT_EQ(model->table().count(), 4 * 16 + 16 + 16 + 17 * 16 + 2 * block + 2 * 16 + 10 * 16 + 10);
}

TEST(Vit, VariantsOfOneSeedShareInitialWeights) {
  config::TrialConfig layer = small_vit(), rms = small_vit(), gated = small_vit();
  rms.norm.kind = NormKind::kRms;
  NormConfig selector{.kind = NormKind::kSelector};
  selector.branches = {NormConfig{.kind = NormKind::kScale}, NormConfig{.kind = NormKind::kLayer}};
  gated.norm_sites["embed"] = selector;
  auto a = make(layer), b = make(rms), c = make(gated);
  const auto va = values(*a), vb = values(*b), vc = values(*c);
  for (const auto& [name, value] : va) {
    if (vb.contains(name)) {
      EXPECT_TRUE(same_bits(value, vb.at(name))) << name;
    }
    ASSERT_TRUE(vc.contains(name)) << name;
    EXPECT_TRUE(same_bits(value, vc.at(name))) << name;
  }
  EXPECT_FALSE(vb.contains("final.bias"));
  EXPECT_TRUE(vc.contains("embed.gate.fc1.weight"));
}

TEST(Vit, OtherSeedHasOtherWeights) {
  config::TrialConfig other = small_vit();
  other.seed = 1;
  auto a = make(small_vit()), b = make(other);
  EXPECT_GT(largest_difference(values(*a).at("head.weight"), values(*b).at("head.weight")), 1e-3);
}

// Without positions the model is symmetric in its patches, but not in the pixels of a patch.
TEST(Vit, ImagesThatAreNotSquareAreCutIntoTheRightPatches) {
  config::TrialConfig config = small_vit();
  config.model.depth = 1;
  auto model = make(config, {.channels = 3, .height = 4, .width = 8, .classes = 5});
  for (auto& p : model->table().parameters()) {
    if (p.name == "pos_embed") p.value.detach().zero_();
  }
  const at::Tensor x = random_tensor("x", {2, 3, 4, 8});
  at::Tensor swapped = x.clone();
  const auto patch = [](at::Tensor image, int64_t row, int64_t column) {
    return image.narrow(2, 2 * row, 2).narrow(3, 2 * column, 2);
  };
  patch(swapped, 0, 1).copy_(patch(x, 1, 3));
  patch(swapped, 1, 3).copy_(patch(x, 0, 1));
  const at::Tensor logits = model->forward(x, {}).detach();
  EXPECT_EQ(logits.sizes(), (at::IntArrayRef{2, 5}));
  EXPECT_LT(largest_difference(logits, model->forward(swapped, {}).detach()), 1e-6);
  EXPECT_GT(largest_difference(logits, model->forward(x.flip(3), {}).detach()), 1e-5);
}

TEST(Vit, MacsAreAnalyticPlusNorms) {
  const auto model = make(small_vit());
  const int64_t plain =
      vit_macs({.dim = 16, .depth = 2, .hidden = 32, .tokens = 16, .patches = 16, .patch_dim = 4, .classes = 10});
  EXPECT_EQ(model->macs(), plain + 5 * 4 * 16 * 16);  // two norms per block and the final one
}

TEST(Vit, NormStatsAreNamedBySite) {
  auto model = make(small_vit());
  const auto stats = model->norm_stats();
  ASSERT_EQ(stats.size(), 5u);
  EXPECT_EQ(stats.at("blocks.1.pre_ffn").at("weight_mean"), 1.0);
  EXPECT_EQ(stats.at("final").at("bias_std"), 0.0);
}

TEST(Vit, PostNormSitesNormalizeTheResidualStream) {
  config::TrialConfig config = small_vit();
  config.norm.kind = NormKind::kNone;
  config.norm_sites["post_attn"] = NormConfig{.kind = NormKind::kLayer};
  config.norm_sites["post_ffn"] = NormConfig{.kind = NormKind::kLayer, .affine = false};
  auto model = make(config);
  const auto names = values(*model);
  EXPECT_TRUE(names.contains("blocks.0.post_attn.weight"));
  EXPECT_FALSE(names.contains("blocks.0.post_ffn.weight"));
  EXPECT_FALSE(names.contains("final.weight"));
  // The last thing before pooling is a LayerNorm without affine: each token has mean 0, so the pooled vector has, too,
  // and the logits stay within the head's reach whatever the input's size.
  const at::Tensor small = model->forward(random_tensor("x", {2, 1, 8, 8}), {});
  const at::Tensor large = model->forward(random_tensor("x", {2, 1, 8, 8}).mul(1e4), {});
  EXPECT_LT(small.abs().max().item<double>(), 1.0);
  EXPECT_LT(large.abs().max().item<double>(), 1.0);
}

TEST(Vit, RefusesPatchesThatDoNotFit) {
  config::TrialConfig config = small_vit();
  config.model.patch = 3;
  const auto model = make_model(config, kDigits);
  ASSERT_FALSE(model.ok());
  EXPECT_EQ(model.status().code(), Code::kInvalid);
  EXPECT_THAT(model.status().message(), HasSubstr("model.patch = 3 does not divide the images of 8x8"));
}

TEST(Vit, RefusesHeadsThatDoNotFit) {
  config::TrialConfig config = small_vit();
  config.model.heads = 5;
  EXPECT_THAT(make_model(config, kDigits).status().message(),
              HasSubstr("model.heads = 5 does not divide model.dim = 16"));
}

TEST(Vit, RefusesUnknownSitesWithTheNearestName) {
  config::TrialConfig config = small_vit();
  config.norm_sites["pre_atn"] = NormConfig{};
  const auto model = make_model(config, kDigits);
  EXPECT_THAT(model.status().message(), HasSubstr("norm_sites.pre_atn"));
  EXPECT_THAT(model.status().message(), HasSubstr("did you mean 'pre_attn'?"));
}

TEST(Mlp, IsThePublishedTeacher) {
  config::TrialConfig config;
  config.model.family = config::ModelFamily::kMlp;
  const std::pair<InputShape, int64_t> published[] = {
      {{.channels = 1, .height = 28, .width = 28, .classes = 10}, 102'144},
      {{.channels = 3, .height = 32, .width = 32, .classes = 10}, 395'008},
      {{.channels = 1, .height = 1, .width = 8, .classes = 10}, 2'816},
  };
  for (const auto& [input, macs] : published) {
    auto model = make(config, input);
    EXPECT_EQ(model->macs(), macs);
    const int64_t features = input.channels * input.height * input.width;
    EXPECT_EQ(model->table().count(), features * 128 + 128 + 2 * 128 + 128 * 10 + 10);
    EXPECT_EQ(model->forward(random_tensor("x", {3, input.channels, input.height, input.width}), {}).sizes(),
              (at::IntArrayRef{3, 10}));
  }
}

TEST(Mlp, HiddenSiteTakesANormOfItsOwn) {
  config::TrialConfig config;
  config.model = {.family = config::ModelFamily::kMlp, .hidden = 8, .layers = 2};
  config.norm_sites["hidden"] = NormConfig{.kind = NormKind::kDyt};
  auto model = make(config);
  const auto names = values(*model);
  EXPECT_TRUE(names.contains("layers.0.hidden.alpha"));
  EXPECT_TRUE(names.contains("layers.1.hidden.alpha"));
}

}  // namespace
}  // namespace autonorm::models
