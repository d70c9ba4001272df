// Parameters and multiply-accumulates that the sources of the models published.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/models/model.h"

namespace autonorm::models {
namespace {

using config::ModelFamily;
using config::NormConfig;
using config::NormKind;

config::TrialConfig config_of(ModelFamily family) {
  config::TrialConfig config;
  config.model = config::default_model(family);
  return config;
}

std::unique_ptr<Model> build(const config::TrialConfig& config, const InputShape& input) {
  auto model = make_model(config, input);
  if (!model.ok()) throw std::runtime_error(model.status().message());
  return *std::move(model);
}

// Of a model whose blocks are alike, from two shallow ones: drawing hundreds of millions of weights takes a minute.
struct Counts {
  int64_t parameters = 0, macs = 0;
};
Counts counts_at_depth(config::TrialConfig config, const InputShape& input) {
  const int64_t depth = config.model.depth;
  config.model.depth = 1;
  const auto one = build(config, input);
  config.model.depth = 2;
  const auto two = build(config, input);
  const auto at_depth = [&](int64_t first, int64_t second) { return first + (depth - 1) * (second - first); };
  return {.parameters = at_depth(one->table().count(), two->table().count()),
          .macs = at_depth(one->macs(), two->macs())};
}

constexpr InputShape kImageNet{.channels = 3, .height = 224, .width = 224, .classes = 1000};
constexpr InputShape kGrey28{.channels = 1, .height = 28, .width = 28, .classes = 10};

// timm's counts for vit_*_patch16_224.
TEST(PublishedCounts, VisionTransformers) {
  struct Row {
    int64_t dim, depth, heads, parameters;
    double giga_macs;
  };
  for (const Row& row : {Row{192, 12, 3, 5'717'416, 1.26}, Row{384, 12, 6, 22'050'664, 4.61},
                         Row{768, 12, 12, 86'567'656, 17.58}, Row{1024, 24, 16, 304'326'632, 61.60}}) {
    config::TrialConfig config = config_of(ModelFamily::kVit);
    config.model.patch = 16;
    config.model.dim = row.dim;
    config.model.depth = row.depth;
    config.model.heads = row.heads;
    config.model.mlp_ratio = 4.0;
    config.model.pool = config::Pool::kCls;
    const Counts counts = counts_at_depth(config, kImageNet);
    EXPECT_EQ(counts.parameters, row.parameters);
    EXPECT_NEAR(static_cast<double>(counts.macs) * 1e-9, row.giga_macs, 0.006);
    // The bare model, by the formula of models-and-recipes.md 3 and the head: 197 tokens, 196 patches of 768 values.
    config.norm = config::default_norm(NormKind::kNone);
    const int64_t d = row.dim, tokens = 197;
    EXPECT_EQ(counts_at_depth(config, kImageNet).macs,
              row.depth * (12 * d * d * tokens + 2 * tokens * tokens * d) + 768 * d * 196 + 1000 * d);
  }
}

// The vectors of models-and-recipes.md 3: what the source's counter printed.
TEST(PublishedCounts, AutoNormMacs) {
  struct Row {
    InputShape input;
    config::ModelInput kind;
    int64_t with_layer_norm, with_selector;
  };
  const auto image = config::ModelInput::kImage, table = config::ModelInput::kTable;
  for (const Row& row :
       {Row{kGrey28, image, 79'376'640, 79'391'488},
        Row{{.channels = 3, .height = 32, .width = 32, .classes = 10}, image, 103'161'600, 103'178'368},
        Row{{.channels = 1, .height = 1, .width = 8, .classes = 2}, table, 1'679'104, 1'687'680},
        Row{{.channels = 1, .height = 1, .width = 8, .classes = 1}, table, 1'678'976, 1'687'552}}) {
    config::TrialConfig config = config_of(ModelFamily::kAutonorm);
    config.model.input = row.kind;
    EXPECT_EQ(counts_at_depth(config, row.input).macs, row.with_layer_norm);
    config.norm = config::default_norm(NormKind::kSelector);
    EXPECT_EQ(counts_at_depth(config, row.input).macs, row.with_selector);
  }
}

// The published class has seven heads of 143 outputs in all; here a model has its own.
TEST(PublishedCounts, AutoNormParameters) {
  config::TrialConfig config = config_of(ModelFamily::kAutonorm);
  config.norm = config::default_norm(NormKind::kSelector);
  const auto model = build(config, kGrey28);
  const int64_t all_heads = 143 * 129, own_head = 10 * 129;
  EXPECT_EQ(model->table().count() - own_head + all_heads, 1'727'185);
  int64_t selector = 0, block = 0;
  for (const auto& parameter : model->table().parameters()) {
    if (parameter.name.starts_with("embed.gate.")) selector += parameter.value.numel();
    if (parameter.name.starts_with("blocks.0.")) block += parameter.value.numel();
  }
  EXPECT_EQ(selector, 8'386);
  EXPECT_EQ(block, 140'448);
  config.model.input = config::ModelInput::kTable;
  const auto table = build(config, {.channels = 1, .height = 1, .width = 8, .classes = 1});
  const int64_t image_only = 3 * 16 * 128 + 128 + 128 * 64 + 128;  // patch convolution, positions, cls
  EXPECT_EQ(table->table().count() - 129 + all_heads + image_only, 1'728'337);
}

TEST(PublishedCounts, MaeTiny) {
  config::TrialConfig config = config_of(ModelFamily::kMae);
  config.model.patch = 7;
  config.model.dim = config.model.decoder_dim = 64;
  config.model.depth = config.model.heads = config.model.decoder_heads = 4;
  config.model.decoder_depth = 2;
  config.model.cls = false;
  config.model.positions = config::Positions::kLearned;
  config.model.init = config::WeightInit::kTorch;
  EXPECT_EQ(build(config, kGrey28)->table().count(), 312'817);
  for (const NormKind kind : {NormKind::kDyt, NormKind::kAdyt}) {
    config.norm = config::default_norm(kind);
    const auto model = build(config, kGrey28);
    EXPECT_EQ(model->table().count(), 312'831);
    EXPECT_EQ(model->norm_stats().size(), 14u);
  }
  config.norm = config::default_norm(NormKind::kNone);
  EXPECT_EQ(build(config, kGrey28)->macs(), 2'549'760);
}

// With the fixed positions, as the MAE repository counts them.
TEST(PublishedCounts, MaeVitBase) {
  const config::TrialConfig full = config_of(ModelFamily::kMae);
  config::TrialConfig config = full;
  config.model.decoder_depth = 1;
  const int64_t shallow = counts_at_depth(config, kImageNet).parameters;
  const int64_t decoder_block = 12 * 512 * 512 + 13 * 512;
  EXPECT_EQ(shallow + (full.model.decoder_depth - 1) * decoder_block, 111'907'840);
}

TEST(PublishedCounts, FtTransformerOnCaliforniaHousing) {
  config::TrialConfig config = config_of(ModelFamily::kFtTransformer);
  const InputShape housing{.channels = 1, .height = 1, .width = 8, .classes = 1};
  EXPECT_EQ(build(config, housing)->table().count(), 893'179);
  config.model.dim = 272;
  config.model.mlp_ratio = 2.342425545888827;
  config.model.prenorm = false;
  EXPECT_EQ(build(config, housing)->table().count(), 2'463'247);
}

// Bare, counted by hand: tokenizer 0 (one product per value), q, k, v and ReGLU, the last block for the cls token
// alone.
TEST(PublishedCounts, FtTransformerMacs) {
  config::TrialConfig config = config_of(ModelFamily::kFtTransformer);
  config.norm = config::default_norm(NormKind::kNone);
  EXPECT_EQ(build(config, {.channels = 1, .height = 1, .width = 8, .classes = 1})->macs(), 6'249'600);
}

TEST(PublishedCounts, T2tVitMacs) {
  config::TrialConfig config = config_of(ModelFamily::kT2tVit);
  config.norm = config.norm_sites["token"] = config::default_norm(NormKind::kNone);
  EXPECT_EQ(counts_at_depth(config, kImageNet).macs, 4'783'468'544);
  config.model.token_layer = config::TokenLayer::kTransformer;
  EXPECT_EQ(counts_at_depth(config, kImageNet).macs, 6'088'721'920);
}

TEST(PublishedCounts, Resnet20OnCifar) {
  config::TrialConfig config = config_of(ModelFamily::kResnet);
  config.norm = config::default_norm(NormKind::kBatch);
  const auto model = build(config, {.channels = 3, .height = 32, .width = 32, .classes = 10});
  EXPECT_EQ(model->table().count(), 269'722);
  config.norm = config::default_norm(NormKind::kNone);
  EXPECT_EQ(build(config, {.channels = 3, .height = 32, .width = 32, .classes = 10})->macs(), 40'551'040);
}

}  // namespace
}  // namespace autonorm::models
