// What LearnableScaler's training adds to the loss: the two formulas, and where a ViT applies them.
#include "core/models/penalties.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/models/model.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::models {
namespace {

using norms::random_tensor;

constexpr InputShape kDigits{.channels = 1, .height = 8, .width = 8, .classes = 10};

TEST(FeatureDecay, IsMeanAndMaximumOfWhatIsBeyondTheLimit) {
  at::Tensor x = at::tensor({1.0, -5.0, 2.5, 0.0, 9.0}, at::kDouble).requires_grad_(true);  // beyond 2: 3, .5, 7
  const at::Tensor loss = beyond_limit(x, 2);
  EXPECT_EQ(loss.sizes(), (at::IntArrayRef{1}));
  EXPECT_DOUBLE_EQ(loss.item<double>(), (3 + .5 + 7) / 3 + 7);
  loss.backward();
  const at::Tensor expected = at::tensor({0.0, -1.0 / 3, 1.0 / 3, 0.0, 1.0 / 3 + 1}, at::kDouble);
  EXPECT_LT(norms::largest_difference(x.grad(), expected), 1e-12);
}

TEST(FeatureDecay, IsNothingWithinTheLimit) {
  at::Tensor x = at::tensor({1.0, -2.0}, at::kDouble).requires_grad_(true);
  const at::Tensor loss = beyond_limit(x, 2.5);
  loss.backward();
  EXPECT_EQ(loss.item<double>(), 0);
  EXPECT_EQ(x.grad().abs().sum().item<double>(), 0);
}

// d = 1 and q = 1: a row's scores are the keys.
at::Tensor one_row_of_keys(at::ArrayRef<double> keys) {
  return at::tensor(keys, at::kDouble).reshape({1, 1, static_cast<int64_t>(keys.size()), 1});
}

TEST(AttentionPeak, CountsTheRowsWithoutOne) {
  const double peak = std::exp(3.0) / (std::exp(3.0) + 2), flat = 1.0 / 3;
  const at::Tensor k = one_row_of_keys({3.0, 0.0, 0.0});
  EXPECT_EQ(flat_attention(one_row_of_keys({1.0, 1.0, 1.0}), k).item<double>(), 0) << "peaks of " << peak;
  EXPECT_NEAR(flat_attention(one_row_of_keys({1.0, 0.0, 0.0}), k).item<double>(), 1 - flat, 1e-12);
  at::Tensor q = one_row_of_keys({1.0, 0.1, 0.0}).requires_grad_(true);
  const double slight = std::exp(.3) / (std::exp(.3) + 2);
  const at::Tensor loss = flat_attention(q, k);
  EXPECT_NEAR(loss.item<double>(), 1 - (slight + flat) / 2, 1e-12);
  loss.backward();
  EXPECT_EQ(q.grad().flatten()[0].item<double>(), 0);  // it has a peak
  EXPECT_LT(q.grad().flatten()[1].item<double>(), 0);  // a larger q has more of one
}

at::Tensor penalty_of(const config::TrialConfig& config, bool training, const std::function<void(Model&)>& change) {
  auto model = make_model(config, kDigits);
  EXPECT_TRUE(model.ok()) << model.status().message();
  {
    const at::NoGradGuard no_grad;
    change(**model);
  }
  std::vector<int64_t> samples{0, 1, 2};
  at::Tensor penalty;
  (*model)->forward(
      random_tensor("x", {3, 1, 8, 8}),
      {.training = training, .samples = &samples, .ranks = nullptr, .mask = nullptr, .penalty = &penalty});
  return penalty;
}

void fill(Model& model, const std::string& suffix, double value) {
  for (const norms::Parameter& parameter : model.table().parameters()) {
    if (parameter.name.ends_with(suffix)) parameter.value.detach().fill_(value);
  }
}

config::TrialConfig deep_vit(int64_t depth) {
  config::TrialConfig config;
  config.model = {.patch = 2, .dim = 8, .depth = depth, .heads = 2, .pool = config::Pool::kMean};
  return config;
}

// Blocks that change nothing see the same features, here all of 5, after each of their two additions.
TEST(FeatureDecay, OfAVitIsTakenAfterEachResidualAddition) {
  config::TrialConfig config = deep_vit(3);
  config.train.feature_decay = 0.01;
  config.train.feature_limit = 3;
  const auto change = [](Model& model) {
    for (const char* name : {"patch_embed.weight", "patch_embed.bias", "attn.proj.weight", "mlp.fc2.weight"})
      fill(model, name, 0);
    fill(model, "pos_embed", -5);
  };
  const at::Tensor penalty = penalty_of(config, true, change);
  ASSERT_TRUE(penalty.defined());
  EXPECT_NEAR(penalty.item<double>(), 0.01 * 3 * 2 * (2 + 2), 1e-6);
  EXPECT_FALSE(penalty_of(config, false, change).defined());
  config.train.feature_decay = 0;
  EXPECT_FALSE(penalty_of(config, true, change).defined());
}

// Without queries attention is even over the 16 tokens.
TEST(AttentionPeak, OfAVitIsTakenInItsFirstSixBlocks) {
  for (const int64_t depth : {2, 8}) {
    config::TrialConfig config = deep_vit(depth);
    config.train.attention_peak = 0.5;
    const at::Tensor penalty = penalty_of(config, true, [](Model& model) { fill(model, "attn.qkv.weight", 0); });
    ASSERT_TRUE(penalty.defined());
    EXPECT_NEAR(penalty.item<double>(), 0.5 * static_cast<double>(std::min<int64_t>(depth, 6)) * (1 - 1.0 / 16), 1e-5);
  }
}

// The penalty changes the loss, not the attention.
TEST(AttentionPeak, LeavesTheOutputOfTheModel) {
  config::TrialConfig plain = deep_vit(2), penalized = plain;
  penalized.train.attention_peak = 0.5;
  const auto output = [](const config::TrialConfig& config) {
    std::vector<int64_t> samples{0, 1, 2};
    at::Tensor penalty;
    return make_model(config, kDigits)
        .value()
        ->forward(random_tensor("x", {3, 1, 8, 8}),
                  {.training = true, .samples = &samples, .ranks = nullptr, .mask = nullptr, .penalty = &penalty});
  };
  EXPECT_LT(norms::largest_difference(output(plain), output(penalized)), 1e-5);
}

}  // namespace
}  // namespace autonorm::models
