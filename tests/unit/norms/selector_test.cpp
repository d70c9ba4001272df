#include "core/norms/selector.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/norms/registry.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::norms {
namespace {

using config::Gate;
using config::GateEval;
using config::NormConfig;
using config::NormKind;

NormConfig selector(Gate gate, std::vector<double> weights = {}) {
  NormConfig config{.kind = NormKind::kSelector};
  config.branches = {NormConfig{.kind = NormKind::kScale}, NormConfig{.kind = NormKind::kLayer}};
  config.gate = gate;
  config.weights = std::move(weights);
  return config;
}

// A norm with a table of its own.
struct Built {
  explicit Built(const NormConfig& config, int64_t channels = 16, const std::string& site = "embed")
      : table(kTestSeed), norm(make_norm(config, channels, site, table)) {}
  const Parameter& parameter(const std::string& name) const {
    for (const Parameter& p : table.parameters()) {
      if (p.name == name) return p;
    }
    throw std::runtime_error("no parameter " + name);
  }
  ParameterTable table;
  std::unique_ptr<Norm> norm;
};

struct ForwardBackward {
  at::Tensor y, dx;
};
ForwardBackward forward_backward(Norm& norm, const at::Tensor& x, const at::Tensor& dy, const StepContext& step) {
  const at::Tensor input = x.clone().requires_grad_(true);
  const at::Tensor y = norm.forward(input, step);
  y.backward(dy);
  return {y.detach(), input.grad()};
}

// Gate weights [B, 2] as they act: a branch pair (1·x, 2·x) makes them readable from the output.
at::Tensor weights_of(Built& built, const at::Tensor& x, const StepContext& step) {
  const at::Tensor y = built.norm->forward(x, step).detach();
  const at::Tensor ln = Built(NormConfig{.kind = NormKind::kLayer}, x.size(2)).norm->forward(x, step).detach();
  // y = w0·x + (1 − w0)·ln, least squares per sample
  const at::Tensor d = x.sub(ln);
  return d.mul(y.sub(ln)).sum({1, 2}).div(d.square().sum({1, 2}));  // [B], w0
}

TEST(Selector, HasThePublishedNumberOfGateParameters) {
  const Built built(selector(Gate::kSoftmax), 128);
  int64_t gate = 0;
  for (const Parameter& p : built.table.parameters()) {
    if (p.name.starts_with("gate.")) gate += p.value.numel();
  }
  EXPECT_EQ(gate, 8386);
  EXPECT_EQ(built.table.count(), 8386 + 128 + 2 * 128);
  EXPECT_EQ(built.parameter("gate.fc1.weight").value.sizes(), (at::IntArrayRef{64, 128}));
  EXPECT_EQ(built.parameter("gate.fc2.weight").value.sizes(), (at::IntArrayRef{2, 64}));
  EXPECT_EQ(built.parameter("scale.alpha").value.sizes(), (at::IntArrayRef{1, 128}));
}

TEST(Selector, GateFixedToLayerNormIsLayerNormBitwise) {
  Built fixed(selector(Gate::kFixed, {0.0, 1.0})), layer(NormConfig{.kind = NormKind::kLayer});
  const at::Tensor x = random_tensor("x", {5, 7, 16}), dy = random_tensor("dy", {5, 7, 16});
  const ForwardBackward a = forward_backward(*fixed.norm, x, dy, {}), b = forward_backward(*layer.norm, x, dy, {});
  EXPECT_TRUE(same_bits(a.y, b.y));
  EXPECT_TRUE(same_bits(a.dx, b.dx));
  EXPECT_TRUE(same_bits(fixed.parameter("layer.weight").value.grad(), layer.parameter("weight").value.grad()));
  EXPECT_TRUE(same_bits(fixed.parameter("layer.bias").value.grad(), layer.parameter("bias").value.grad()));
}

TEST(Selector, UnusedBranchKeepsItsParametersWhichDoNotLearn) {
  const Built fixed(selector(Gate::kFixed, {0.0, 1.0}));
  EXPECT_FALSE(fixed.parameter("scale.alpha").trainable);
  EXPECT_TRUE(fixed.parameter("layer.weight").trainable);
  EXPECT_EQ(fixed.table.trainable().size(), 2u);
}

TEST(Selector, FreezeStopsTheNamedBranchOnly) {
  NormConfig config = selector(Gate::kSoftmax);
  config.freeze = {NormKind::kLayer};
  const Built built(config);
  EXPECT_FALSE(built.parameter("layer.weight").trainable);
  EXPECT_FALSE(built.parameter("layer.bias").value.requires_grad());
  EXPECT_TRUE(built.parameter("scale.alpha").trainable);
  EXPECT_TRUE(built.parameter("gate.fc1.weight").trainable);
}

TEST(Selector, FixedWeightsBlendTheBranches) {
  Built fixed(selector(Gate::kFixed, {0.25, 0.75})), layer(NormConfig{.kind = NormKind::kLayer});
  const at::Tensor x = random_tensor("x", {3, 4, 16});
  const at::Tensor expected = x.mul(0.25).add(layer.norm->forward(x, {}), 0.75);
  EXPECT_LT(largest_difference(fixed.norm->forward(x, {}), expected), 1e-6);
}

TEST(Selector, SoftmaxOfTwoLogitsIsASigmoidOfTheirDifference) {
  Built built(selector(Gate::kSoftmax));
  const at::Tensor x = random_tensor("x", {6, 4, 16});
  const at::Tensor pooled = x.mean(1);
  const auto weight = [&](const char* name) { return built.parameter(name).value.detach(); };
  const at::Tensor hidden = pooled.matmul(weight("gate.fc1.weight").t()).add(weight("gate.fc1.bias")).relu();
  const at::Tensor logits = hidden.matmul(weight("gate.fc2.weight").t()).add(weight("gate.fc2.bias"));  // [6, 2]
  const at::Tensor expected = logits.select(1, 0).sub(logits.select(1, 1)).sigmoid();
  EXPECT_LT(largest_difference(weights_of(built, x, {}), expected), 1e-4);
}

TEST(Selector, RandomGateIsUniformAndFreshForEachSampleStepAndSite) {
  Built built(selector(Gate::kRandom));
  const at::Tensor x = random_tensor("x", {200, 3, 16});
  const at::Tensor first = weights_of(built, x, {.step = 1});
  EXPECT_NEAR(first.mean().item<double>(), 0.5, 5 * 0.289 / std::sqrt(200.0));
  EXPECT_NEAR(first.std().item<double>(), 0.289, 0.05);
  EXPECT_GT(largest_difference(first, weights_of(built, x, {.step = 2})), 0.1);
  EXPECT_GT(largest_difference(first, weights_of(built, x, {.step = 1, .micro_batch = 1})), 0.1);
  Built other(selector(Gate::kRandom), 16, "final");
  EXPECT_GT(largest_difference(first, weights_of(other, x, {.step = 1})), 0.1);
  EXPECT_TRUE(same_bits(first, weights_of(built, x, {.step = 1})));
}

TEST(Selector, NoiseBelongsToTheSampleNotToItsPlaceInTheShard) {
  Built built(selector(Gate::kRandom));
  const at::Tensor x = random_tensor("x", {6, 3, 16});
  const std::vector<int64_t> all{0, 1, 2, 3, 4, 5}, tail{4, 5};
  const at::Tensor whole = built.norm->forward(x, {.step = 3, .samples = &all});
  const at::Tensor shard = built.norm->forward(x.narrow(0, 4, 2), {.step = 3, .samples = &tail});
  EXPECT_TRUE(same_bits(whole.narrow(0, 4, 2), shard));
}

TEST(Selector, RandomGateIsAlsoRandomAtEvaluationUnlessExpected) {
  const at::Tensor x = random_tensor("x", {50, 3, 16});
  const StepContext eval{.training = false, .step = 4};
  Built faithful(selector(Gate::kRandom));
  EXPECT_GT(weights_of(faithful, x, eval).std().item<double>(), 0.1);
  EXPECT_GT(largest_difference(weights_of(faithful, x, eval), weights_of(faithful, x, {.step = 4})), 0.1);
  NormConfig config = selector(Gate::kRandom);
  config.gate_eval = GateEval::kExpected;
  Built expected(config);
  EXPECT_LT(largest_difference(weights_of(expected, x, eval), x.new_full({50}, 0.5)), 1e-4);
}

TEST(Selector, HardGumbelPicksOneBranchPerSample) {
  Built built(selector(Gate::kGumbel));
  const at::Tensor w = weights_of(built, random_tensor("x", {100, 3, 16}), {.step = 1});
  EXPECT_LT(w.sub(w.round()).abs().max().item<double>(), 1e-4);
  EXPECT_GT(w.mean().item<double>(), 0.1);
  EXPECT_LT(w.mean().item<double>(), 0.9);
}

TEST(Selector, HardGumbelHasTheGradientOfTheSoftOne) {
  NormConfig hard = selector(Gate::kGumbel), soft = hard;
  soft.hard = false;
  Built a(hard), b(soft);
  const at::Tensor x = random_tensor("x", {8, 3, 16});
  // The gate's own gradient comes through the blend, whose branch values agree: compare through the gate's bias.
  const at::Tensor dy = random_tensor("dy", {8, 3, 16});
  forward_backward(*a.norm, x, dy, {.step = 1});
  forward_backward(*b.norm, x, dy, {.step = 1});
  const at::Tensor ga = a.parameter("gate.fc2.bias").value.grad(), gb = b.parameter("gate.fc2.bias").value.grad();
  EXPECT_GT(ga.abs().max().item<double>(), 1e-3);
  EXPECT_LT(largest_difference(ga, gb), 1e-4);
}

TEST(Selector, GumbelExpectedAtEvaluationIsTheLargerLogit) {
  NormConfig config = selector(Gate::kGumbel);
  config.gate_eval = GateEval::kExpected;
  Built gumbel(config), softmax(selector(Gate::kSoftmax));
  const at::Tensor x = random_tensor("x", {40, 3, 16});
  const at::Tensor picked = weights_of(gumbel, x, {.training = false});
  EXPECT_LT(largest_difference(picked, weights_of(softmax, x, {}).round()), 1e-3);
}

TEST(Selector, CountsMacsAsTheSourceDoes) {
  const Built built(selector(Gate::kSoftmax), 128);
  const int64_t layer = 4 * 128 * 50;
  EXPECT_EQ(built.norm->macs(50), 8320 + 128 * 51 + layer);
  EXPECT_EQ(Built(selector(Gate::kFixed, {0.0, 1.0}), 128).norm->macs(50), layer);
  EXPECT_EQ(Built(selector(Gate::kRandom), 128).norm->macs(50), layer);
}

TEST(Selector, RecordsGateMeansAndEntropyOfTheLastEvaluation) {
  Built built(selector(Gate::kSoftmax));
  const at::Tensor x = random_tensor("x", {30, 3, 16});
  const StepContext eval{.training = false, .step = 9};
  built.norm->forward(x.narrow(0, 0, 10), {.training = false, .step = 8});  // an earlier evaluation does not count
  built.norm->forward(x.narrow(0, 0, 10), eval);
  built.norm->forward(x.narrow(0, 10, 20), eval);
  const at::Tensor w = weights_of(built, x, {}).to(at::kDouble);
  const auto stats = built.norm->stats();
  EXPECT_NEAR(stats.at("gate_mean_scale"), w.mean().item<double>(), 1e-4);
  EXPECT_NEAR(stats.at("gate_mean_scale") + stats.at("gate_mean_layer"), 1.0, 1e-6);
  const at::Tensor v = w.neg().add(1.0);
  EXPECT_NEAR(stats.at("gate_entropy"), w.mul(w.log()).add(v.mul(v.log())).neg().mean().item<double>(), 1e-3);
  EXPECT_EQ(stats.at("scale.alpha_mean"), 1.0);
  EXPECT_EQ(stats.at("scale.alpha_std"), 0.0);
}

TEST(Selector, NamesRepeatedKindsApart) {
  NormConfig config{.kind = NormKind::kSelector};
  config.branches = {NormConfig{.kind = NormKind::kDyt}, NormConfig{.kind = NormKind::kDyt, .alpha0 = 2.0},
                     NormConfig{.kind = NormKind::kRms}};
  const Built built(config);
  EXPECT_EQ(built.parameter("dyt_2.alpha").value.item<double>(), 2.0);
  EXPECT_EQ(built.parameter("gate.fc2.bias").value.numel(), 3);
}

// Gate weights of the second branch as they act on each element, of branches x and −x. [B, N, C]
at::Tensor second_weight(Built& built, const at::Tensor& x, const StepContext& step) {
  return (1.0 - built.norm->forward(x, step).detach() / x) / 2.0;
}

// Branches x and −x: y = (1 − 2w)·x.
NormConfig plus_and_minus(Gate gate) {
  NormConfig config{.kind = NormKind::kSelector};
  config.branches = {NormConfig{.kind = NormKind::kNone}, NormConfig{.kind = NormKind::kScale}};
  config.gate = gate;
  return config;
}

struct PlusMinus : Built {
  explicit PlusMinus(const NormConfig& config, int64_t channels = 16) : Built(config, channels) {
    const at::NoGradGuard no_grad;
    mutable_value("scale.alpha").fill_(-1.0);
  }
  at::Tensor mutable_value(const std::string& name) { return parameter(name).value; }
};

// Whether w varies along a dimension, the others being what they are.
bool varies(const at::Tensor& w, int64_t dim) { return largest_difference(w, w.narrow(dim, 0, 1).expand_as(w)) > 1e-4; }

TEST(Selector, WeightsBelongToWhatTheGranularitySays) {
  using config::Granularity;
  const at::Tensor x = random_tensor("x", {3, 4, 16}).abs() + 0.5;
  for (const Gate gate : {Gate::kSoftmax, Gate::kSigmoid, Gate::kGumbel, Gate::kRandom, Gate::kStatic}) {
    for (const auto granularity :
         {Granularity::kSample, Granularity::kToken, Granularity::kChannel, Granularity::kLayer}) {
      const bool reads = config::reads_input(gate), fixed_for_all = gate == Gate::kStatic;
      if ((reads && granularity == Granularity::kLayer) || (fixed_for_all && granularity == Granularity::kToken))
        continue;
      NormConfig config = plus_and_minus(gate);
      config.granularity = granularity;
      config.hard = false;
      PlusMinus built(config);
      if (fixed_for_all) {
        const at::NoGradGuard no_grad;
        const at::Tensor logits = built.parameter("gate.logits").value;
        logits.copy_(random_tensor("l", logits.sizes()));
      }
      const at::Tensor w = second_weight(built, x, {.step = 1});
      EXPECT_EQ(varies(w, 0), !fixed_for_all && granularity != Granularity::kLayer) << static_cast<int>(granularity);
      EXPECT_EQ(varies(w, 1), granularity == Granularity::kToken);
      EXPECT_EQ(varies(w, 2), granularity == Granularity::kChannel);
    }
  }
}

TEST(Selector, SigmoidGateIsThePublishedFormula) {
  PlusMinus built(plus_and_minus(Gate::kSigmoid));
  const at::Tensor x = random_tensor("x", {5, 4, 16}).abs() + 0.5;
  const at::Tensor h = x.mean(1);
  const at::Tensor alpha =
      (h.matmul(built.parameter("gate.fc.weight").value.detach().t()) + built.parameter("gate.fc.bias").value.detach())
          .sigmoid();  // [B, 1]
  EXPECT_LT(largest_difference(second_weight(built, x, {}), alpha.unsqueeze(1).expand_as(x)), 1e-5);
}

TEST(Selector, StaticGateStartsEqualAndLearns) {
  PlusMinus built(plus_and_minus(Gate::kStatic));
  const at::Tensor x = random_tensor("x", {5, 4, 16}).abs() + 0.5;
  EXPECT_LT(largest_difference(second_weight(built, x, {}), at::full_like(x, 0.5)), 1e-6);
  forward_backward(*built.norm, x, x, {});
  EXPECT_GT(built.parameter("gate.logits").value.grad().abs().min().item<double>(), 0.1);
}

TEST(Selector, ClsGateSeesTheFirstTokenAlone) {
  NormConfig config = plus_and_minus(Gate::kSoftmax);
  config.gate_input = config::GateInput::kCls;
  PlusMinus built(config);
  const at::Tensor x = random_tensor("x", {5, 4, 16}).abs() + 0.5;
  at::Tensor other = x.clone();
  other.narrow(1, 1, 3).mul_(3.0);
  const at::Tensor w = second_weight(built, x, {});
  EXPECT_LT(largest_difference(w, second_weight(built, other, {})), 1e-5);
  other.select(1, 0).mul_(3.0);
  EXPECT_GT(largest_difference(w, second_weight(built, other, {})), 1e-2);
}

TEST(Selector, TemperatureGoesToItsEndAlongTheChosenCurve) {
  for (const auto& [anneal, middle] : {std::pair{config::Anneal::kLinear, 1.25}, {config::Anneal::kExponential, 1.0}}) {
    NormConfig config = selector(Gate::kGumbel);
    config.anneal = anneal;
    config.tau = 2.0;
    config.tau_end = 0.5;
    const at::Tensor x = random_tensor("x", {5, 4, 16});
    for (const auto& [step, tau] : {std::pair<int64_t, double>{0, 2.0}, {50, middle}, {100, 0.5}, {200, 0.5}}) {
      Built built(config);
      const StepContext at_step{.step = step, .total_steps = 101};
      const at::Tensor y = built.norm->forward(x, at_step);
      EXPECT_NEAR(built.norm->stats().at("gate_tau"), tau, 1e-12);
      NormConfig fixed = selector(Gate::kGumbel);
      fixed.tau = tau;
      Built same(fixed);
      EXPECT_LT(largest_difference(y, same.norm->forward(x, at_step)), 1e-6) << step;
    }
  }
}

// What an optimizer does to a frozen gate's parameters is not seen.
void expect_frozen(Built& built, bool frozen) {
  const at::Tensor x = random_tensor("x", {5, 4, 16});
  const at::Tensor before = built.norm->forward(x, {.training = false}).detach();
  {
    const at::NoGradGuard no_grad;
    for (Parameter& p : built.table.parameters()) {
      if (p.name.starts_with("gate.")) p.value.add_(random_tensor(p.name, p.value.sizes()), 5.0);
    }
  }
  EXPECT_EQ(largest_difference(before, built.norm->forward(x, {.training = false}).detach()) < 1e-6, frozen);
  EXPECT_EQ(built.norm->stats().at("gate_frozen"), frozen ? 1.0 : 0.0);
}

void train_step(Built& built, const StepContext& step) {
  forward_backward(*built.norm, random_tensor("x", {5, 4, 16}), random_tensor("dy", {5, 4, 16}), step);
  for (Stateful* stateful : built.table.stateful()) stateful->gradients_ready(step);
}

TEST(Selector, GateFreezesAtItsEpoch) {
  NormConfig config = selector(Gate::kSoftmax);
  config.freeze_epoch = 2;
  for (const int64_t epoch : {0, 1, 2, 3}) {
    Built built(config);
    train_step(built, {.step = 7, .epoch = epoch});
    expect_frozen(built, epoch >= 2);
  }
}

TEST(Selector, GateFreezesWhenItsEntropyIsLow) {
  NormConfig config = selector(Gate::kStatic);
  config.freeze_entropy = 0.3;
  for (const double logit : {0.0, 1.0, 4.0}) {  // entropies 0.69, 0.58, 0.09
    Built built(config);
    {
      const at::NoGradGuard no_grad;
      built.parameter("gate.logits").value.select(0, 0).fill_(logit);
    }
    train_step(built, {.step = 7});
    expect_frozen(built, logit == 4.0);
  }
}

TEST(Selector, EntropyWeightAddsTheGatesEntropyToTheLoss) {
  NormConfig config = selector(Gate::kStatic);
  config.entropy_weight = 0.5;
  Built built(config);
  {
    const at::NoGradGuard no_grad;
    built.parameter("gate.logits").value.select(0, 0).fill_(1.0);
  }
  at::Tensor penalty;
  StepContext step;
  step.penalty = &penalty;
  const at::Tensor x = random_tensor("x", {5, 4, 16});
  built.norm->forward(x, step);
  const double p = 1 / (1 + std::exp(-1.0)), q = 1 - p;
  ASSERT_TRUE(penalty.defined());
  EXPECT_NEAR(penalty.sum().item<double>(), -0.5 * (p * std::log(p) + q * std::log(q)), 1e-6);
  penalty.sum().backward();
  EXPECT_LT(built.parameter("gate.logits").value.grad().select(0, 0).item<double>(), -0.01);  // away from equal
  penalty = at::Tensor();
  step.training = false;
  built.norm->forward(x, step);
  EXPECT_FALSE(penalty.defined());
}

}  // namespace
}  // namespace autonorm::norms
