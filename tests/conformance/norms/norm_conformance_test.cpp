// Every norm of the registry, and every gate of the selector, passes the same list.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "core/eval/autocast.h"
#include "core/norms/registry.h"
#include "tests/conformance/norms/gradcheck.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::conformance {
namespace {

using config::Gate;
using config::NormConfig;
using config::NormKind;
using norms::largest_difference;
using norms::random_tensor;
using norms::same_bits;
using norms::StepContext;

struct Case {
  std::string name;
  NormConfig config;
  bool train_equals_eval = true;
  bool smooth = true;  // has a gradient that finite differences can see
};

NormConfig selector(Gate gate, std::vector<double> weights = {}, bool hard = false) {
  NormConfig config{.kind = NormKind::kSelector};
  config.branches = {NormConfig{.kind = NormKind::kScale}, NormConfig{.kind = NormKind::kLayer}};
  config.gate = gate;
  config.weights = std::move(weights);
  config.hard = hard;
  return config;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const norms::RegistryRow& row : norms::registry()) {
    if (row.kind != NormKind::kSelector) all.push_back({std::string(row.name), NormConfig{.kind = row.kind}});
  }
  all.push_back({"layer_plain", NormConfig{.kind = NormKind::kLayer, .affine = false}});
  all.push_back({"rms_plain", NormConfig{.kind = NormKind::kRms, .affine = false}});
  all.push_back({"selector_softmax", selector(Gate::kSoftmax)});
  all.push_back({"selector_gumbel", selector(Gate::kGumbel), false});
  all.push_back({"selector_gumbel_hard", selector(Gate::kGumbel, {}, true), false, false});
  all.push_back({"selector_random", selector(Gate::kRandom), false});
  all.push_back({"selector_fixed", selector(Gate::kFixed, {0.3, 0.7})});
  NormConfig three = selector(Gate::kSoftmax);
  three.branches = {NormConfig{.kind = NormKind::kDyt}, NormConfig{.kind = NormKind::kRms},
                    NormConfig{.kind = NormKind::kLayer}};
  all.push_back({"selector_of_three", three});
  return all;
}

class NormConformance : public testing::TestWithParam<Case> {
 protected:
  static constexpr int64_t kChannels = 6;

  void build(at::ScalarType dtype = at::kFloat) {
    table_ = std::make_unique<norms::ParameterTable>(norms::kTestSeed, dtype);
    norm_ = norms::make_norm(GetParam().config, kChannels, "site", *table_);
    // Away from the initial values, where weight 1 and bias 0 would hide errors.
    const at::NoGradGuard no_grad;
    for (norms::Parameter& p : table_->parameters()) {
      p.value.add_(random_tensor(p.name, p.value.sizes(), dtype), 0.3);
    }
  }
  at::Tensor forward(const at::Tensor& x, const StepContext& step = {}) { return norm_->forward(x, step); }

  std::unique_ptr<norms::ParameterTable> table_;
  std::unique_ptr<norms::Norm> norm_;
};

TEST_P(NormConformance, KeepsShapeAndDtype) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    build(dtype == at::kDouble ? at::kDouble : at::kFloat);
    const at::Tensor x = random_tensor("x", {3, 5, kChannels}, dtype);
    const at::Tensor y = forward(x);
    EXPECT_EQ(y.sizes(), x.sizes());
    EXPECT_EQ(y.scalar_type(), dtype);
  }
}

TEST_P(NormConformance, Bfloat16IsFloat32RoundedOnce) {
  build();
  const at::Tensor x = random_tensor("x", {3, 5, kChannels}, at::kBFloat16);
  EXPECT_TRUE(same_bits(forward(x), forward(x.to(at::kFloat)).to(at::kBFloat16)));
}

TEST_P(NormConformance, AutocastDoesNotChangeIt) {
  build();
  const at::Tensor x = random_tensor("x", {3, 5, kChannels});
  const at::Tensor outside = forward(x);
  const eval::Autocast autocast(at::kCPU, true);
  EXPECT_TRUE(same_bits(outside, forward(x)));
}

TEST_P(NormConformance, InputGradientAgreesWithFiniteDifferences) {
  if (!GetParam().smooth) GTEST_SKIP() << "a straight-through gradient is not a derivative";
  build(at::kDouble);
  at::Tensor x = random_tensor("x", {2, 3, kChannels}, at::kDouble).requires_grad_(true);
  const at::Tensor dy = random_tensor("dy", {2, 3, kChannels}, at::kDouble);
  EXPECT_LT(gradient_error(x, [&] { return (forward(x, {.step = 2}) * dy).sum(); }), 1e-7);
}

TEST_P(NormConformance, ParameterGradientsAgreeWithFiniteDifferences) {
  if (!GetParam().smooth) GTEST_SKIP() << "a straight-through gradient is not a derivative";
  build(at::kDouble);
  const at::Tensor x = random_tensor("x", {2, 3, kChannels}, at::kDouble),
                   dy = random_tensor("dy", x.sizes(), at::kDouble);
  for (norms::Parameter& p : table_->parameters()) {
    if (!p.trainable) continue;
    EXPECT_LT(gradient_error(p.value, [&] { return (forward(x, {.step = 2}) * dy).sum(); }), 1e-7) << p.name;
  }
}

TEST_P(NormConformance, EveryTrainableParameterGetsAGradient) {
  build();
  const at::Tensor x = random_tensor("x", {4, 3, kChannels}).requires_grad_(true);
  const at::Tensor y = forward(x);
  y.backward(random_tensor("dy", y.sizes()));
  for (const norms::Parameter& p : table_->parameters()) EXPECT_EQ(p.value.grad().defined(), p.trainable) << p.name;
}

TEST_P(NormConformance, TrainingAndEvaluationAgreeWhereClaimed) {
  build();
  const at::Tensor x = random_tensor("x", {16, 3, kChannels});
  const bool same = same_bits(forward(x, {.training = true, .step = 1}), forward(x, {.training = false, .step = 1}));
  EXPECT_EQ(same, GetParam().train_equals_eval);
}

TEST_P(NormConformance, IsDeterministic) {
  build();
  const at::Tensor x = random_tensor("x", {4, 3, kChannels});
  EXPECT_TRUE(same_bits(forward(x, {.step = 5}), forward(x, {.step = 5})));
}

TEST_P(NormConformance, SamplesDoNotMix) {
  build();
  const at::Tensor x = random_tensor("x", {4, 3, kChannels});
  const std::vector<int64_t> all{0, 1, 2, 3}, one{2};
  const at::Tensor together = forward(x, {.samples = &all}), alone = forward(x.narrow(0, 2, 1), {.samples = &one});
  EXPECT_LT(largest_difference(together.narrow(0, 2, 1), alone), 1e-6);
}

TEST_P(NormConformance, TakesAnEmptyBatch) {
  build();
  at::Tensor x = random_tensor("x", {0, 3, kChannels}).requires_grad_(true);
  const at::Tensor y = forward(x);
  EXPECT_EQ(y.sizes(), x.sizes());
  y.sum().backward();
  EXPECT_EQ(x.grad().sizes(), x.sizes());
}

TEST_P(NormConformance, TakesNonContiguousInput) {
  build();
  const at::Tensor x = random_tensor("x", {3, kChannels, 5}).transpose(1, 2);
  EXPECT_LT(largest_difference(forward(x), forward(x.contiguous())), 1e-6);
}

TEST_P(NormConformance, StaysFiniteOnExtremeInput) {
  build();
  const at::Tensor x = random_tensor("x", {3, 5, kChannels});
  for (const double scale : {1e4, 1e-8, 0.0}) {
    at::Tensor input = (x * scale).requires_grad_(true);
    const at::Tensor y = forward(input);
    y.sum().backward();
    EXPECT_TRUE(y.isfinite().all().item<bool>()) << scale;
    EXPECT_TRUE(input.grad().isfinite().all().item<bool>()) << scale;
  }
  const at::Tensor constant = forward(x * 0.0 + 3.0);  // a token of variance 0
  EXPECT_TRUE(constant.isfinite().all().item<bool>());
}

TEST_P(NormConformance, MacsAreLinearInTokensAndNotNegative) {
  build();
  EXPECT_GE(norm_->macs(1), 0);
  EXPECT_EQ(norm_->macs(3) - norm_->macs(2), norm_->macs(2) - norm_->macs(1));
}

TEST_P(NormConformance, StatsAreFinite) {
  build();
  forward(random_tensor("x", {3, 5, kChannels}), {.training = false, .step = 1});
  for (const auto& [name, value] : norm_->stats()) EXPECT_TRUE(std::isfinite(value)) << name;
}

INSTANTIATE_TEST_SUITE_P(Norms, NormConformance, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace autonorm::conformance
