// Each family with each norm that folds there gives the same outputs folded, and the others say why they do not.
#include "core/models/fold.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "core/config/catalogue.h"
#include "core/config/norm_misfits.h"
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

config::NormConfig selector_of(NormKind first, NormKind second, std::vector<double> weights) {
  NormConfig norm = config::default_norm(NormKind::kSelector);
  norm.branches = {config::default_norm(first), config::default_norm(second)};
  norm.gate = weights.empty() ? config::Gate::kStatic : config::Gate::kFixed;
  norm.weights = std::move(weights);
  return norm;
}

// Selectors whose weights do not depend on the input.
std::vector<Foldable> foldable_selectors() {
  NormConfig by_channel = selector_of(NormKind::kBatch, NormKind::kScale, {});
  by_channel.granularity = config::Granularity::kChannel;
  return {{"selector_fixed_whole", selector_of(NormKind::kScale, NormKind::kBatch, {0.25, 0.75})},
          {"selector_fixed_beside_none", selector_of(NormKind::kNone, NormKind::kLearnableScaler, {0.5, 0.5})},
          {"selector_fixed_to_one", selector_of(NormKind::kScale, NormKind::kDyt, {0, 0.5})},
          {"selector_static_whole", selector_of(NormKind::kUnified, NormKind::kScale, {})},
          {"selector_static_by_channel", by_channel}};
}

struct Family {
  std::string name;
  config::ModelConfig model;
  size_t sites = 0;              // that fold
  std::vector<std::string> own;  // sites that the norm has to be named for
  int64_t side = 8;              // of an image
  bool before = false;           // into the layers before the norms
};

std::vector<Family> families() {
  const auto of = [](config::ModelFamily family, void (*change)(config::ModelConfig&)) {
    config::ModelConfig model = config::default_model(family);
    model.dim = 16;
    model.depth = 1;
    model.heads = 2;
    change(model);
    return model;
  };
  using config::ModelConfig;
  using config::ModelFamily;
  return {{"vit",
           of(ModelFamily::kVit,
              [](ModelConfig& m) {
                m.depth = 2;
                m.pool = config::Pool::kCls;
                m.qkv_bias = false;
              }),
           5},
          {"vit_that_pools_first", of(ModelFamily::kVit, [](ModelConfig& m) { m.pool = config::Pool::kPatches; }), 3},
          {"mae",
           of(ModelFamily::kMae,
              [](ModelConfig& m) {
                m.patch = 2;
                m.decoder_dim = 8;
                m.decoder_depth = 1;
                m.decoder_heads = 2;
              }),
           6},
          {"t2t_vit", of(ModelFamily::kT2tVit, [](ModelConfig& m) { m.token_dim = 8; }), 7, {"token"}, 16},
          {"t2t_vit_of_transformers",
           of(ModelFamily::kT2tVit,
              [](ModelConfig& m) {
                m.token_dim = 8;
                m.token_layer = config::TokenLayer::kTransformer;
              }),
           7,
           {},
           16},
          {"ft_transformer", of(ModelFamily::kFtTransformer, [](ModelConfig& m) { m.depth = 2; }), 3},
          {"autonorm_corrected", of(ModelFamily::kAutonormCorrected, [](ModelConfig& m) { m.layer_scale = 0.3; }), 3},
          {"autonorm_v0", of(ModelFamily::kAutonormV0, [](ModelConfig&) {}), 1, {"post_attn"}},
          {"mlp",
           of(ModelFamily::kMlp,
              [](ModelConfig& m) {
                m.hidden = 16;
                m.layers = 2;
              }),
           2,
           {},
           8,
           true},
          {"resnet",
           of(ModelFamily::kResnet,
              [](ModelConfig& m) {
                m.depth = 8;
                m.width = 4;
              }),
           7,
           {},
           8,
           true}};
}

struct Case {
  std::string name;
  config::TrialConfig config;
  InputShape input;
  size_t sites = 0;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.name; }

InputShape input_of(const Family& family) {
  return {.channels = 1, .height = family.side, .width = family.side, .classes = 10};
}

config::TrialConfig config_with(const Family& family, const NormConfig& norm) {
  config::TrialConfig config;
  config.model = family.model;
  config.norm = norm;
  config.data.source = config::DataSource::kIdx;  // whose shape no plan knows
  config.data.path = "own";
  for (const std::string& site : family.own) config.norm_sites[site] = norm;
  return config;
}

bool fits(const config::TrialConfig& config, const InputShape& input) {
  return config::norm_misfits(
             config, config::ImageShape{.channels = input.channels, .height = input.height, .width = input.width})
      .empty();
}

// Each family with each norm that it can have and fold.
std::vector<Case> cases() {
  std::vector<Foldable> norms = foldable_norms();
  for (Foldable& selector : foldable_selectors()) norms.push_back(std::move(selector));
  std::vector<Case> all;
  for (const Family& family : families()) {
    for (const Foldable& one : norms) {
      Case made{cat(family.name, "_", one.name), config_with(family, one.norm), input_of(family), family.sites};
      if (!fits(made.config, made.input)) continue;
      if (family.before && norms::folded_config(one.norm)->kind != NormKind::kNone) continue;
      all.push_back(std::move(made));
    }
  }
  return all;
}

at::Tensor images_of(const std::string& name, int64_t count, const InputShape& input) {
  return random_tensor(name, {count, input.channels, input.height, input.width});
}

// Parameters away from where they start, and running values that have seen a few batches.
std::unique_ptr<Model> trained_model(const config::TrialConfig& config, const InputShape& input) {
  auto model = std::move(*make_model(config, input));
  const at::NoGradGuard no_grad;
  // A masked autoencoder's first weights are several times the others': with them outputs under prepbn, which passes
  // its input on as it is, reach 155, where a change of every weight by one bit moves them by 6e-4.
  const double share = config.model.family == config::ModelFamily::kMae ? 0.5 : 1.0;
  for (norms::Parameter& p : model->table().parameters()) {
    p.value.mul_(share).add_(random_tensor(p.name, p.value.sizes()), 0.1);
  }
  for (int64_t step = 0; step < 3; ++step) {
    model->forward(images_of("before" + std::to_string(step), 6, input), {.step = step});
  }
  return model;
}

// Logits, or what a masked autoencoder predicts.
at::Tensor outputs(Model& model, const at::Tensor& images) {
  const at::NoGradGuard no_grad;
  return model.forward(images, {.training = false});
}

class Fold : public testing::TestWithParam<Case> {};

TEST_P(Fold, GivesTheSameOutputs) {
  const auto& [name, config, input, sites] = GetParam();
  const auto model = trained_model(config, input);
  const auto folded = fold(config, *model, input);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  EXPECT_EQ(folded->sites.size(), sites);
  const at::Tensor images = images_of("images", 16, input);
  const at::Tensor expected = outputs(*model, images);
  EXPECT_LE(largest_difference(expected, outputs(*folded->model, images)), 1e-4)
      << "largest output " << expected.abs().max().item<float>();
  // It is a configuration that people may write, with fewer multiply-accumulates than before or as many.
  const auto again = config::parse_trial(config::resolved(folded->config));
  ASSERT_TRUE(again.ok()) << again.status().message();
  EXPECT_EQ(config::resolved(*again), config::resolved(folded->config));
  EXPECT_LE(folded->model->macs(), model->macs());
}

TEST_P(Fold, LeavesNothingToFold) {
  const auto& [name, config, input, sites] = GetParam();
  const auto model = trained_model(config, input);
  const auto folded = fold(config, *model, input);
  ASSERT_TRUE(folded.ok());
  EXPECT_FALSE(fold(folded->config, *folded->model, input).ok());
}

TEST_P(Fold, LeavesTheTrainedModelAlone) {
  const auto& [name, config, input, sites] = GetParam();
  const auto model = trained_model(config, input);
  const at::Tensor images = images_of("images", 4, input);
  const at::Tensor before = outputs(*model, images);
  ASSERT_TRUE(fold(config, *model, input).ok());
  EXPECT_TRUE(norms::same_bits(before, outputs(*model, images)));
}

INSTANTIATE_TEST_SUITE_P(FamiliesAndNorms, Fold, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

// The list above leaves out only what a family cannot have.
TEST(FoldRules, EveryFamilyFoldsMostNorms) {
  std::map<std::string, size_t> counts;
  for (const Case& one : cases()) ++counts[std::string(config::name(one.config.model.family))];
  for (const auto& [family, least] : std::map<std::string, size_t>{{"vit", 30},
                                                                   {"mae", 30},
                                                                   {"t2t_vit", 55},
                                                                   {"ft_transformer", 28},
                                                                   {"autonorm_corrected", 30},
                                                                   {"autonorm_v0", 28},
                                                                   {"mlp", 13},
                                                                   {"resnet", 13}}) {
    EXPECT_GE(counts[family], least) << family;
  }
}

// What folded_config() promises of a configuration, fold() of the norm keeps, and the other way round.
TEST(FoldRules, NormsAndTheirConfigurationsAgree) {
  std::vector<Foldable> all = foldable_norms();
  for (Foldable& selector : foldable_selectors()) all.push_back(std::move(selector));
  all.push_back({"selector_static", selector_of(NormKind::kScale, NormKind::kLayer, {})});
  all.push_back({"selector_fixed_to_both", selector_of(NormKind::kLayer, NormKind::kDyt, {0.5, 0.5})});
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

const Family kVit = families()[0];
const InputShape kVitInput = input_of(kVit);

std::map<std::string, std::string> reasons(const std::vector<KeptSite>& kept) {
  std::map<std::string, std::string> all;
  for (const KeptSite& one : kept) all[one.site] = one.why;
  return all;
}

TEST(FoldRules, OnlyTheSitesBeforeALinearFold) {
  config::TrialConfig config = config_with(kVit, config::default_norm(NormKind::kLayer));
  NormConfig dtn = config::default_norm(NormKind::kDtn);
  config.norm_sites["pre_attn"] = config.norm_sites["pre_ffn"] = dtn;
  config.norm_sites["embed"] = config::default_norm(NormKind::kLayer);
  config.norm_sites["post_ffn"] = config::default_norm(NormKind::kBatch);
  config.norm_sites["qk"] = config::default_norm(NormKind::kRms);
  const auto model = trained_model(config, kVitInput);
  const auto folded = fold(config, *model, kVitInput);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  ASSERT_EQ(folded->sites.size(), 1u);
  EXPECT_EQ(folded->sites[0].site, "final");
  EXPECT_EQ(folded->sites[0].linears, (std::vector<std::string>{"head"}));
  auto why = reasons(folded->kept);
  EXPECT_THAT(why["pre_attn"], testing::HasSubstr("dtn"));
  EXPECT_THAT(why["embed"], testing::HasSubstr("residual stream"));
  EXPECT_THAT(why["post_ffn"], testing::HasSubstr("residual stream"));
  EXPECT_THAT(why["qk"], testing::HasSubstr("attention"));
  const at::Tensor images = images_of("images", 8, kVitInput);
  EXPECT_LE(largest_difference(outputs(*model, images), outputs(*folded->model, images)), 1e-4);
}

TEST(FoldRules, ANormBeforeTheHeadTakesTheHeadFromTheFinalOne) {
  config::TrialConfig config = config_with(kVit, config::default_norm(NormKind::kLayer));
  config.norm_sites["head"] = config::default_norm(NormKind::kBatch);
  const auto model = trained_model(config, kVitInput);
  const auto folded = fold(config, *model, kVitInput);
  ASSERT_TRUE(folded.ok()) << folded.status().message();
  EXPECT_EQ(folded->sites.back().site, "head_norm");
  EXPECT_EQ(folded->sites.back().linears, (std::vector<std::string>{"head"}));
  EXPECT_THAT(reasons(folded->kept)["final"], testing::HasSubstr("the norm at site head"));
  const at::Tensor images = images_of("images", 8, kVitInput);
  EXPECT_LE(largest_difference(outputs(*model, images), outputs(*folded->model, images)), 1e-4);
}

// What the message of a fold that does nothing says.
std::string refusal(const Family& family, const NormConfig& norm) {
  const config::TrialConfig config = config_with(family, norm);
  const auto folded = fold(config, *trained_model(config, input_of(family)), input_of(family));
  return folded.ok() ? "" : folded.status().message();
}

TEST(FoldRules, TheReasonIsNamedWhereNothingFolds) {
  const auto all = families();
  const auto family = [&](const std::string& name) {
    return *std::ranges::find_if(all, [&](const Family& one) { return one.name == name; });
  };
  const NormConfig layer = config::default_norm(NormKind::kLayer);
  EXPECT_THAT(refusal(family("mlp"), layer), testing::HasSubstr("hidden: a ReLU reads its output"));
  EXPECT_THAT(refusal(family("resnet"), layer), testing::HasSubstr("stem: a ReLU reads its output"));
  EXPECT_THAT(refusal(kVit, config::default_norm(NormKind::kNone)), testing::HasSubstr("every site has 'none'"));
  NormConfig gated = selector_of(NormKind::kScale, NormKind::kLayer, {});
  EXPECT_THAT(refusal(kVit, gated), testing::HasSubstr("do not all become a scale and a shift"));
  gated.gate = config::Gate::kSoftmax;
  EXPECT_THAT(refusal(kVit, gated), testing::HasSubstr("gate 'softmax' of the selector weighs its branches anew"));
  Family published = family("autonorm_corrected");
  published.model.family = config::ModelFamily::kAutonorm;
  EXPECT_THAT(refusal(published, config::default_norm(NormKind::kBatch)),
              testing::HasSubstr("embed: its output enters"));
  Family post = family("ft_transformer");
  post.model.prenorm = false;
  EXPECT_THAT(refusal(post, layer), testing::HasSubstr("post_ffn: its output enters the residual stream"));
}

}  // namespace
}  // namespace autonorm::models
