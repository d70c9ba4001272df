// Optimizers, averaged weights and learning-rate schedule; the formulas of the update rules: tests/parity.
#include <gtest/gtest.h>

#include <cmath>

#include "core/config/catalogue.h"
#include "core/optim/layer_decay.h"
#include "core/optim/optimizer.h"
#include "core/optim/schedule.h"
#include "core/optim/weight_average.h"
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

// The vector of the published schedule over 300 epochs.
TEST(Schedule, OfLearnableScaler) {
  const config::TrainConfig config{
      .epochs = 300, .lr = 1.0, .warmup = 0.0, .schedule = config::Schedule::kLearnableScaler};
  const std::vector<std::pair<int64_t, double>> published{{0, .8},      {75, .6828},  {149, .4042}, {150, .4},
                                                          {174, .3296}, {197, .2621}, {198, .2591}, {250, .0670}};
  for (const auto& [epoch, rate] : published) {
    EXPECT_NEAR(learning_rate(config, 4 * epoch, 1200), rate, 5e-5) << epoch;
    EXPECT_EQ(learning_rate(config, 4 * epoch + 3, 1200), learning_rate(config, 4 * epoch, 1200)) << epoch;
  }
  EXPECT_NEAR(learning_rate(config, 1199, 1200), 0, 5e-5);
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
  Optimizer make(const config::TrainConfig& config) {
    table.add("w", {4, 3}, {norms::Init::kNormal, 1.0});
    table.add("b", {3}, {norms::Init::kNormal, 1.0});
    return Optimizer(config, table);
  }
  at::Tensor value(size_t i) const { return table.parameters()[i].value.detach().clone(); }
  void set_gradients(double scale) {
    for (auto& p : table.parameters()) p.value.mutable_grad() = random_tensor(p.name, p.value.sizes()).mul(scale);
  }
  norms::ParameterTable table;
  Optimizer optimizer;
};

TEST(Optimizer, FirstStepMovesByTheRateAndDecaysMatricesOnly) {
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

TEST(Optimizer, EachLayerHasItsRate) {
  const config::TrainConfig config{.layer_decay = 0.5, .weight_decay = 0.1};
  norms::ParameterTable table(0);
  for (const char* name : {"patch_embed.weight", "blocks.0.mlp.fc1.weight", "blocks.0.mlp.fc1.bias", "head.weight"}) {
    const bool bias = std::string_view(name).ends_with("bias");
    table.add(name, bias ? std::vector<int64_t>{3} : std::vector<int64_t>{4, 3}, {norms::Init::kNormal, 1.0});
  }
  Optimizer optimizer(config, table, /*depth=*/1);
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

TEST(Optimizer, ClipsTheGlobalNormOfAllParameters) {
  const config::TrainConfig config;
  Fixture clipped(config), scaled(config);
  const double norm =
      std::hypot(random_tensor("w", {4, 3}).norm().item<double>(), random_tensor("b", {3}).norm().item<double>());
  clipped.set_gradients(10.0);
  clipped.optimizer.step(0.01, /*clip=*/1.0);
  scaled.set_gradients(1.0 / norm);
  scaled.optimizer.step(0.01, /*clip=*/0.0);
  for (size_t i = 0; i < 2; ++i) {
    const size_t mean = 2 * i;  // of w, then of b; each is followed by its mean square
    EXPECT_LT(largest_difference(clipped.optimizer.state()[mean].value, scaled.optimizer.state()[mean].value), 1e-6);
  }
}

TEST(Optimizer, LeavesSmallGradientsAlone) {
  const config::TrainConfig config;
  Fixture clipped(config), free(config);
  clipped.set_gradients(1e-3);
  free.set_gradients(1e-3);
  clipped.optimizer.step(0.01, 1.0);
  free.optimizer.step(0.01, 0.0);
  EXPECT_TRUE(norms::same_bits(clipped.value(0), free.value(0)));
}

TEST(Optimizer, GoesOnExactlyFromWhatItRemembered) {
  for (const std::string_view word : config::words<config::OptimizerKind>()) {
    SCOPED_TRACE(word);
    const config::TrainConfig config{.optimizer = *config::parse_word<config::OptimizerKind>(word)};
    Fixture straight(config), resumed(config);
    for (int step = 0; step < 3; ++step) {
      straight.set_gradients(1.0 + step);
      straight.optimizer.step(0.01, 1.0);
    }
    resumed.optimizer.set_steps(straight.optimizer.steps());
    for (size_t i = 0; i < 2; ++i) resumed.table.parameters()[i].value.detach().copy_(straight.value(i));
    ASSERT_FALSE(straight.optimizer.state().empty());
    for (size_t i = 0; i < straight.optimizer.state().size(); ++i) {
      ASSERT_EQ(resumed.optimizer.state()[i].name, straight.optimizer.state()[i].name);
      resumed.optimizer.state()[i].value.detach().copy_(straight.optimizer.state()[i].value);
    }
    for (Fixture* fixture : {&straight, &resumed}) {
      fixture->set_gradients(4.0);
      fixture->optimizer.step(0.01, 1.0);
    }
    EXPECT_TRUE(norms::same_bits(straight.value(0), resumed.value(0)));
    EXPECT_TRUE(norms::same_bits(straight.value(1), resumed.value(1)));
  }
}

TEST(Optimizer, SgdWithoutMomentumRemembersNothing) {
  Fixture fixture({.optimizer = config::OptimizerKind::kSgd, .momentum = 0});
  const at::Tensor b = fixture.value(1);
  fixture.set_gradients(1.0);
  fixture.optimizer.step(0.01, /*clip=*/0.0);
  EXPECT_TRUE(fixture.optimizer.state().empty());
  EXPECT_LT(largest_difference(fixture.value(1), b.sub(random_tensor("b", {3}).mul(0.01))), 1e-7);
}

// A layer's step is lr times as long as its weights, whatever the size of its gradient.
TEST(Optimizer, LambsStepsAreAsLongAsTheWeights) {
  const config::TrainConfig config{.optimizer = config::OptimizerKind::kLamb, .weight_decay = 0.1};
  Fixture small(config), large(config);
  const at::Tensor w = small.value(0);
  small.set_gradients(1e-3);
  large.set_gradients(10.0);
  for (Fixture* fixture : {&small, &large}) {
    fixture->optimizer.step(0.01, /*clip=*/0.0);
    EXPECT_NEAR(fixture->value(0).sub(w).norm().item<double>() / (0.01 * w.norm().item<double>()), 1.0, 1e-5);
  }
}

TEST(Optimizer, LambLeavesWeightsOfZeroTheStepOfAdam) {
  const config::TrainConfig config{.optimizer = config::OptimizerKind::kLamb, .weight_decay = 0.1};
  norms::ParameterTable table(0);
  table.add("w", {4, 3}, {norms::Init::kZeros});
  Optimizer optimizer(config, table);
  table.parameters()[0].value.mutable_grad() = random_tensor("w", {4, 3});
  optimizer.step(0.01, /*clip=*/0.0);
  EXPECT_LT(largest_difference(table.parameters()[0].value.detach(), random_tensor("w", {4, 3}).sign().mul(-0.01)),
            1e-6);
}

TEST(Optimizer, FrozenParametersStayAndHaveNoMoments) {
  norms::ParameterTable table(0);
  table.add("w", {2, 2}, {norms::Init::kOnes});
  table.add("frozen", {2, 2}, {norms::Init::kOnes}, /*trainable=*/false);
  Optimizer optimizer({}, table);
  ASSERT_EQ(optimizer.state().size(), 2u);
  EXPECT_EQ(optimizer.state()[0].name, "adam.exp_avg.w");
  EXPECT_EQ(optimizer.state()[1].name, "adam.exp_avg_sq.w");
}

TEST(Optimizer, ClearedGradientsAreUndefined) {
  Fixture fixture({});
  fixture.set_gradients(1.0);
  fixture.optimizer.clear_gradients();
  EXPECT_FALSE(fixture.table.parameters()[0].value.grad().defined());
}

// A weight of 1, then 2, 3, …: the averages after each, by hand.
struct Averaged {
  explicit Averaged(const config::TrainConfig& config) : average(config, make()) {}
  const norms::ParameterTable& make() {
    table.add("w", {2}, {norms::Init::kOnes});
    table.add("frozen", {2}, {norms::Init::kOnes}, /*trainable=*/false);
    return table;
  }
  void set(double weight) const { table.parameters()[0].value.detach().fill_(weight); }
  double weight() const { return table.parameters()[0].value.detach()[1].item<double>(); }
  double value() const { return average.averages().at(0).value[0].item<double>(); }
  norms::ParameterTable table{0, at::kDouble};
  WeightAverage average;
};

TEST(WeightAverage, BeginsAsTheInitialWeightsAndForgetsThem) {
  Averaged one({.ema = 0.9, .ema_start = config::EmaStart::kAtOnce});
  ASSERT_EQ(one.average.averages().size(), 1u);
  EXPECT_EQ(one.average.averages()[0].name, "ema.w");
  EXPECT_EQ(one.value(), 1);
  one.set(2);
  one.average.update(1);
  EXPECT_NEAR(one.value(), 0.9 * 1 + 0.1 * 2, 1e-12);
  one.set(3);
  one.average.update(2);
  EXPECT_NEAR(one.value(), 0.9 * 1.1 + 0.1 * 3, 1e-12);
}

TEST(WeightAverage, ARampForgetsTheInitialWeightsSoon) {
  Averaged one({.ema = 0.5});
  one.set(2);
  one.average.update(1);
  EXPECT_NEAR(one.value(), 2.0 / 11 * 1 + 9.0 / 11 * 2, 1e-12);
  one.average.update(7);
  const double before = one.value();
  one.set(4);
  one.average.update(8);  // 9 / 18 is as much as is asked for
  EXPECT_NEAR(one.value(), 0.5 * before + 0.5 * 4, 1e-12);
  one.set(8);
  const double then = one.value();
  one.average.update(1000);
  EXPECT_NEAR(one.value(), 0.5 * then + 0.5 * 8, 1e-12);
}

TEST(WeightAverage, TakesThePlaceOfTheWeightsForAWhileOrForGood) {
  Averaged one({.ema = 0.9, .ema_start = config::EmaStart::kAtOnce});
  one.set(2);
  one.average.update(1);
  one.average.in_place([&] { EXPECT_NEAR(one.weight(), 1.1, 1e-12); });
  EXPECT_EQ(one.weight(), 2);
  EXPECT_NEAR(one.value(), 1.1, 1e-12);
  one.average.adopt();
  EXPECT_EQ(one.weight(), one.value());
  one.average.adopt();  // as after a resumption from the end
  EXPECT_NEAR(one.weight(), 1.1, 1e-12);
}

TEST(WeightAverage, IsNothingWithoutADecay) {
  Averaged one({.ema = 0});
  EXPECT_FALSE(one.average.on());
  one.average.in_place([&] { EXPECT_EQ(one.weight(), 1); });
  one.set(2);
  one.average.update(1);
  one.average.adopt();
  EXPECT_EQ(one.weight(), 2);
}

}  // namespace
}  // namespace autonorm::optim
