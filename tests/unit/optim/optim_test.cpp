// AdamW and learning-rate schedule.
#include <gtest/gtest.h>

#include <cmath>

#include "core/optim/adamw.h"
#include "core/optim/layer_decay.h"
#include "core/optim/schedule.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::optim {
namespace {

using norms::largest_difference;
using norms::random_tensor;

TEST(Schedule, WarmsUpFromZeroAndFallsAlongACosine) {
  const config::TrainConfig config{.lr = 2.0, .warmup = 0.1};
  EXPECT_EQ(learning_rate(config, 0, 100), 0.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 5, 100), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 10, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 55, 100), 1.0);
  EXPECT_NEAR(learning_rate(config, 99, 100), 1.0 + std::cos(M_PI * 89.0 / 90.0), 1e-15);
}

TEST(Schedule, ConstantStaysAfterWarmup) {
  const config::TrainConfig config{.lr = 2.0, .warmup = 0.5, .schedule = config::Schedule::kConstant};
  EXPECT_DOUBLE_EQ(learning_rate(config, 1, 4), 1.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3, 4), 2.0);
}

TEST(Schedule, OneStepWithoutWarmupUsesTheFullRate) {
  const config::TrainConfig config{.lr = 2.0, .warmup = 0.05};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 1), 2.0);
}

TEST(Schedule, ACosineEndsAtItsSmallestRate) {
  config::TrainConfig config{.epochs = 2, .lr = 2.0, .min_lr = 0.5, .warmup = 0.0, .horizon = 2};
  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 100), 2.0);
  EXPECT_DOUBLE_EQ(learning_rate(config, 50, 100), 1.25);
  config.schedule = config::Schedule::kCosineEpochs;
  EXPECT_DOUBLE_EQ(learning_rate(config, 99, 100), 1.25);  // of epoch 1 of 2
}

// lr_decay.py of the MAE repository: ViT-B has layers 0 (embedding) to 13 (what follows the blocks).
TEST(LayerDecay, FallsTowardsTheEmbedding) {
  for (const char* name : {"patch_embed.weight", "pos_embed", "cls_token"}) {
    EXPECT_DOUBLE_EQ(layer_rate(0.65, 12, name), std::pow(0.65, 13)) << name;
  }
  EXPECT_DOUBLE_EQ(layer_rate(0.65, 12, "blocks.0.attn.qkv.weight"), std::pow(0.65, 12));
  EXPECT_DOUBLE_EQ(layer_rate(0.65, 12, "blocks.11.pre_ffn.bias"), 0.65);
  EXPECT_DOUBLE_EQ(layer_rate(0.65, 12, "final.weight"), 1.0);
  EXPECT_DOUBLE_EQ(layer_rate(0.65, 12, "head.bias"), 1.0);
}

// A matrix (decays) and a vector (does not).
struct Fixture {
  explicit Fixture(const config::TrainConfig& config) : table(0), optimizer(make(config)) {}
  AdamW make(const config::TrainConfig& config) {
    table.add("w", {4, 3}, {norms::Init::kNormal, 1.0});
    table.add("b", {3}, {norms::Init::kNormal, 1.0});
    return AdamW(config, table);
  }
  at::Tensor value(size_t i) const { return table.parameters()[i].value.detach().clone(); }
  void set_gradients(double scale) {
    for (auto& p : table.parameters()) p.value.mutable_grad() = random_tensor(p.name, p.value.sizes()).mul(scale);
  }
  norms::ParameterTable table;
  AdamW optimizer;
};

TEST(AdamW, FirstStepMovesByTheRateAndDecaysMatricesOnly) {
  const config::TrainConfig config{.weight_decay = 0.1};
  Fixture fixture(config);
  const at::Tensor w = fixture.value(0), b = fixture.value(1);
  fixture.set_gradients(1.0);
  fixture.optimizer.step(0.01, /*clip=*/0.0);
  // After one step m̂ / √v̂ is the gradient's sign.
  const at::Tensor expected_w = w.mul(1.0 - 0.01 * 0.1).sub(random_tensor("w", {4, 3}).sign().mul(0.01));
  const at::Tensor expected_b = b.sub(random_tensor("b", {3}).sign().mul(0.01));
  EXPECT_LT(largest_difference(fixture.value(0), expected_w), 1e-6);
  EXPECT_LT(largest_difference(fixture.value(1), expected_b), 1e-6);
}

TEST(AdamW, EachLayerHasItsRate) {
  const config::TrainConfig config{.layer_decay = 0.5, .weight_decay = 0.1};
  norms::ParameterTable table(0);
  for (const char* name : {"patch_embed.weight", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.bias", "head.weight"}) {
    const bool bias = std::string_view(name).ends_with("bias");
    table.add(name, bias ? std::vector<int64_t>{3} : std::vector<int64_t>{4, 3}, {norms::Init::kNormal, 1.0});
  }
  AdamW optimizer(config, table, /*depth=*/1);
  const std::vector<double> rates{0.25, 0.5, 0.5, 1.0};
  std::vector<at::Tensor> expected;
  for (size_t i = 0; i < rates.size(); ++i) {
    norms::Parameter& p = table.parameters()[i];
    p.value.mutable_grad() = random_tensor(p.name, p.value.sizes());
    const double lr = 0.01 * rates[i], kept = p.decay ? 1.0 - lr * 0.1 : 1.0;
    expected.push_back(p.value.detach().mul(kept).sub(p.value.grad().sign().mul(lr)));
  }
  optimizer.step(0.01, /*clip=*/0.0);
  for (size_t i = 0; i < rates.size(); ++i) {
    EXPECT_LT(largest_difference(table.parameters()[i].value.detach(), expected[i]), 1e-6) << i;
  }
}

TEST(AdamW, ClipsTheGlobalNormOfAllParameters) {
  const config::TrainConfig config;
  Fixture clipped(config), scaled(config);
  const double norm =
      std::hypot(random_tensor("w", {4, 3}).norm().item<double>(), random_tensor("b", {3}).norm().item<double>());
  clipped.set_gradients(10.0);
  clipped.optimizer.step(0.01, /*clip=*/1.0);
  scaled.set_gradients(1.0 / norm);
  scaled.optimizer.step(0.01, /*clip=*/0.0);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_LT(largest_difference(clipped.optimizer.moments()[i].exp_avg, scaled.optimizer.moments()[i].exp_avg), 1e-6);
  }
}

TEST(AdamW, LeavesSmallGradientsAlone) {
  const config::TrainConfig config;
  Fixture clipped(config), free(config);
  clipped.set_gradients(1e-3);
  free.set_gradients(1e-3);
  clipped.optimizer.step(0.01, 1.0);
  free.optimizer.step(0.01, 0.0);
  EXPECT_TRUE(norms::same_bits(clipped.value(0), free.value(0)));
}

TEST(AdamW, GoesOnExactlyFromRestoredMoments) {
  const config::TrainConfig config;
  Fixture straight(config), resumed(config);
  for (int step = 0; step < 3; ++step) {
    straight.set_gradients(1.0 + step);
    straight.optimizer.step(0.01, 1.0);
  }
  resumed.optimizer.set_steps(straight.optimizer.steps());
  for (size_t i = 0; i < 2; ++i) {
    resumed.table.parameters()[i].value.detach().copy_(straight.value(i));
    resumed.optimizer.moments()[i].exp_avg.detach().copy_(straight.optimizer.moments()[i].exp_avg);
    resumed.optimizer.moments()[i].exp_avg_sq.detach().copy_(straight.optimizer.moments()[i].exp_avg_sq);
  }
  for (Fixture* fixture : {&straight, &resumed}) {
    fixture->set_gradients(4.0);
    fixture->optimizer.step(0.01, 1.0);
  }
  EXPECT_TRUE(norms::same_bits(straight.value(0), resumed.value(0)));
  EXPECT_TRUE(norms::same_bits(straight.value(1), resumed.value(1)));
}

TEST(AdamW, FrozenParametersStayAndHaveNoMoments) {
  norms::ParameterTable table(0);
  table.add("w", {2, 2}, {norms::Init::kOnes});
  table.add("frozen", {2, 2}, {norms::Init::kOnes}, /*trainable=*/false);
  AdamW optimizer({}, table);
  ASSERT_EQ(optimizer.moments().size(), 1u);
  EXPECT_EQ(optimizer.moments()[0].name, "w");
}

TEST(AdamW, ClearedGradientsAreUndefined) {
  Fixture fixture({});
  fixture.set_gradients(1.0);
  fixture.optimizer.clear_gradients();
  EXPECT_FALSE(fixture.table.parameters()[0].value.grad().defined());
}

}  // namespace
}  // namespace autonorm::optim
