// Every model family, with norms of every kind, passes the same list.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/config/catalogue.h"
#include "core/models/registry.h"
#include "core/norms/registry.h"
#include "tests/conformance/norms/gradcheck.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::conformance {
namespace {

using config::NormConfig;
using config::NormKind;
using norms::largest_difference;
using norms::random_tensor;
using norms::same_bits;

struct Case {
  std::string name;
  config::TrialConfig config;
};

NormConfig norm_of(NormKind kind) {
  NormConfig config = config::default_norm(kind);
  config.heads = 2;
  return config;
}

// What check_trial() refuses: statistics over the tokens of a sample where there is one, places on a grid where there
// is none.
bool fits(config::ModelFamily family, NormKind kind) {
  using enum config::ModelFamily;
  const bool one_token = family == kMlp || family == kAutonormV0 || family == kFtTransformer || family == kResnet;
  const bool over_tokens = kind == NormKind::kInstance || kind == NormKind::kSwitchable || kind == NormKind::kDtn;
  if (one_token && over_tokens) return false;
  return family != kMae || kind != NormKind::kDtn;
}

config::ModelConfig small_model(config::ModelFamily family) {
  config::ModelConfig model = config::default_model(family);
  model.patch = 2;
  model.dim = 8;
  model.depth = family == config::ModelFamily::kResnet ? 8 : 1;
  model.heads = model.decoder_heads = 2;
  model.decoder_dim = model.hidden = 8;
  model.decoder_depth = 1;
  model.mask_ratio = 0.5;
  model.token_dim = model.width = 4;
  return model;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const models::RegistryRow& family : models::registry()) {
    for (const norms::RegistryRow& norm : norms::registry()) {
      if (!fits(family.family, norm.kind)) continue;
      config::TrialConfig config;
      config.model = small_model(family.family);
      config.norm = norm_of(norm.kind);
      all.push_back({cat(family.name, "_", norm.name), config});
    }
  }
  config::TrialConfig every_site = all.front().config;
  every_site.model.pool = config::Pool::kCls;
  for (const char* site : {"embed", "post_attn", "post_ffn"})
    every_site.norm_sites[site] = norm_of(NormKind::kSelector);
  all.push_back({"vit_cls_every_site", every_site});
  // Places and forms that no default has.
  const auto also = [&](const char* name, config::ModelFamily family, const auto& change) {
    config::TrialConfig config;
    config.model = small_model(family);
    change(config);
    all.push_back({name, config});
  };
  also("vit_qk_rms_drop_path", config::ModelFamily::kVit, [](config::TrialConfig& c) {
    c.norm_sites["qk"] = norm_of(NormKind::kRms);
    c.model.drop_path = 0.3;
  });
  also("vit_patches", config::ModelFamily::kVit, [](config::TrialConfig& c) { c.model.pool = config::Pool::kPatches; });
  also("vit_head_batch", config::ModelFamily::kVit,
       [](config::TrialConfig& c) { c.norm_sites["head"] = norm_of(NormKind::kBatch); });
  also("vit_qk_selector", config::ModelFamily::kVit,
       [](config::TrialConfig& c) { c.norm_sites["qk"] = norm_of(NormKind::kSelector); });
  also("autonorm_table", config::ModelFamily::kAutonorm,
       [](config::TrialConfig& c) { c.model.input = config::ModelInput::kTable; });
  also("autonorm_post_ffn_rms", config::ModelFamily::kAutonorm,
       [](config::TrialConfig& c) { c.norm_sites["post_ffn"] = norm_of(NormKind::kRms); });
  also("mae_tiny_form", config::ModelFamily::kMae, [](config::TrialConfig& c) {
    c.model.cls = false;
    c.model.positions = config::Positions::kLearned;
    c.model.init = config::WeightInit::kTorch;
  });
  also("mae_norm_pix_dtn_decoder", config::ModelFamily::kMae, [](config::TrialConfig& c) {
    c.model.norm_pix = true;
    c.norm_sites["decoder"] = norm_of(NormKind::kDtn);
  });
  also("t2t_vit_transformer", config::ModelFamily::kT2tVit,
       [](config::TrialConfig& c) { c.model.token_layer = config::TokenLayer::kTransformer; });
  also("ft_transformer_post", config::ModelFamily::kFtTransformer, [](config::TrialConfig& c) {
    c.model.prenorm = false;
    c.model.residual_dropout = 0.1;
    c.model.depth = 2;
  });
  return all;
}

class ModelConformance : public testing::TestWithParam<Case> {
 protected:
  static constexpr models::InputShape kInput{.channels = 3, .height = 4, .width = 4, .classes = 3};

  void build(at::ScalarType dtype = at::kFloat) {
    auto made = models::make_model(GetParam().config, kInput, dtype);
    ASSERT_TRUE(made.ok()) << made.status().message();
    model_ = *std::move(made);
  }
  at::Tensor images(int64_t batch, at::ScalarType dtype = at::kFloat) const {
    return random_tensor("images", {batch, 3, 4, 4}, dtype);
  }
  // Logits, or the values of four patches.
  std::vector<int64_t> output_shape(int64_t batch) const {
    if (model_->reconstructs()) return {batch, 4, 12};
    return {batch, 3};
  }
  std::unique_ptr<models::Model> model_;
};

TEST_P(ModelConformance, MakesOneLogitPerClass) {
  build();
  EXPECT_EQ(model_->forward(images(5), {}).sizes(), output_shape(5));
  EXPECT_GT(model_->macs(), 0);
}

TEST_P(ModelConformance, TakesAnEmptyBatch) {
  build();
  EXPECT_EQ(model_->forward(images(0), {}).sizes(), output_shape(0));
}

TEST_P(ModelConformance, EveryTrainableParameterGetsAGradient) {
  build();
  model_->forward(images(4), {}).square().sum().backward();
  for (const norms::Parameter& p : model_->table().parameters())
    EXPECT_EQ(p.value.grad().defined(), p.trainable) << p.name;
}

TEST_P(ModelConformance, GradientsAgreeWithFiniteDifferences) {
  if (estimates_gradient(GetParam().config.norm.kind)) GTEST_SKIP() << "its gradient is an estimate";
  build(at::kDouble);
  // Away from the initial values: a feature normalization's smallest value would lie where the MLP's ReLU bends.
  for (norms::Parameter& p : model_->table().parameters()) {
    const at::NoGradGuard no_grad;
    p.value.add_(random_tensor(p.name, p.value.sizes(), at::kDouble), 0.1);
  }
  const SavedState state(model_->table());
  const at::Tensor x = images(2, at::kDouble), target = random_tensor("t", output_shape(2), at::kDouble);
  for (norms::Parameter& p : model_->table().parameters()) {
    if (!p.trainable || p.value.numel() > 80) continue;  // the small ones of every layer
    const double error = gradient_error(p.value, [&] {
      state.restore();
      return (model_->forward(x, {}) * target).sum();
    });
    EXPECT_LT(error, 1e-6) << p.name;
  }
}

// In training, unless a norm carries state or takes statistics over the batch.
TEST_P(ModelConformance, IsDeterministicAndDoesNotMixSamples) {
  build();
  const bool training = model_->table().buffers().empty();
  const at::Tensor x = images(4);
  const std::vector<int64_t> all{0, 1, 2, 3}, one{3};
  const at::Tensor logits = model_->forward(x, {.training = training, .samples = &all});
  EXPECT_TRUE(same_bits(logits, model_->forward(x, {.training = training, .samples = &all})));
  const at::Tensor alone = model_->forward(x.narrow(0, 3, 1), {.training = training, .samples = &one});
  EXPECT_LT(largest_difference(logits.narrow(0, 3, 1), alone), 1e-5);
}

TEST_P(ModelConformance, IsTheSameModelWhenBuiltAgain) {
  build();
  const auto first = std::move(model_);
  build();
  const auto& a = first->table().parameters();
  const auto& b = model_->table().parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].name, b[i].name);
    EXPECT_TRUE(same_bits(a[i].value.detach(), b[i].value.detach())) << a[i].name;
  }
}

TEST_P(ModelConformance, EveryNormStandsAtASiteOfTheFamily) {
  build();
  const std::vector<std::string> known = config::sites(GetParam().config.model.family).all();
  ASSERT_FALSE(model_->norm_places().empty());
  for (const auto& [name, site] : model_->norm_places())
    EXPECT_NE(std::ranges::find(known, site), known.end()) << name << " at " << site;
}

INSTANTIATE_TEST_SUITE_P(Models, ModelConformance, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace autonorm::conformance
