// Every norm of the registry, and every gate of the selector, passes the same list.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <tuple>

#include "core/base/text.h"
#include "core/config/catalogue.h"
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
  bool smooth = true;          // has a gradient that finite differences can see
  bool mixes_samples = false;  // statistics over the batch
};

NormConfig kind(NormKind kind) { return config::default_norm(kind); }

NormConfig selector(Gate gate, std::vector<double> weights = {}, bool hard = false) {
  NormConfig config{.kind = NormKind::kSelector};
  config.branches = {NormConfig{.kind = NormKind::kScale}, NormConfig{.kind = NormKind::kLayer}};
  config.gate = gate;
  config.weights = std::move(weights);
  config.hard = hard;
  return config;
}

// Groups of two channels; the rest as people get it.
NormConfig small(NormKind of) {
  NormConfig config = kind(of);
  config.groups = 3;
  config.heads = 2;
  config.scale_groups = of == NormKind::kPowerNorm ? 2 : 1;
  config.lambda_start = 0.75;  // both parts of prepbn
  return config;
}

bool over_the_batch(NormKind kind) {
  return kind == NormKind::kBatch || kind == NormKind::kUnified || kind == NormKind::kPowerNorm ||
         kind == NormKind::kPrepbn || kind == NormKind::kSwitchable;
}

void add_feature_cases(std::vector<Case>& all) {
  for (const NormKind of : {NormKind::kMinmax, NormKind::kZscore, NormKind::kFeatureMix}) {
    for (const auto axis : {config::FeatureAxis::kToken, config::FeatureAxis::kBatch}) {
      NormConfig config = kind(of);
      config.axis = axis;
      const bool batch = axis == config::FeatureAxis::kBatch;
      const std::string_view word = batch ? "batch" : "token";
      all.push_back({cat(norms::norm_kind_name(of), "_over_", word), config, !batch, true, batch});
    }
    NormConfig detached = kind(of);
    detached.detach_stats = true;
    all.push_back({cat(norms::norm_kind_name(of), "_detached"), detached, true, /*smooth=*/false});
  }
}

void add_variants(std::vector<Case>& all) {
  const auto words = config::words<config::Squash>();
  for (size_t i = 1; i < words.size(); ++i) {
    NormConfig config = kind(NormKind::kDerf);
    config.function = static_cast<config::Squash>(i);
    all.push_back({cat("derf_", words[i]), config});
  }
  for (const auto& [name, of, change] : std::initializer_list<std::tuple<const char*, NormKind, void (*)(NormConfig&)>>{
           {"derf_without_shift", NormKind::kDerf, [](NormConfig& c) { c.shift = false; }},
           {"scale_scalar", NormKind::kScale, [](NormConfig& c) { c.scalar = true; }},
           {"scale_of_root", NormKind::kScale, [](NormConfig& c) { c.scale0 = 0; }},
           {"prepbn_language", NormKind::kPrepbn,
            [](NormConfig& c) {
              c.first = config::PrepbnFirst::kRms;
              c.count_every = 16;
            }},
           {"dyt_without_bias", NormKind::kDyt, [](NormConfig& c) { c.bias = false; }},
           {"isru_plain", NormKind::kIsru, [](NormConfig& c) { c.affine = false; }},
           {"instance_unbiased", NormKind::kInstance, [](NormConfig& c) { c.unbiased = true; }},
           {"scale_norm_per_channel", NormKind::kScaleNorm, [](NormConfig& c) { c.per_channel = true; }},
           {"learnable_scaler_ones", NormKind::kLearnableScaler,
            [](NormConfig& c) { c.init = config::ScalerInit::kOnes; }},
           {"power_norm_without_groups", NormKind::kPowerNorm, [](NormConfig& c) { c.scale_groups = 0; }},
           {"power_norm_warm", NormKind::kPowerNorm, [](NormConfig& c) { c.warmup_iters = 0; }},
           {"unified_without_window", NormKind::kUnified, [](NormConfig& c) { c.window = c.window_backward = 1; }},
           {"unified_warm", NormKind::kUnified, [](NormConfig& c) { c.warmup_iters = 0; }},
           {"prepbn_warming", NormKind::kPrepbn, [](NormConfig& c) { c.warmup_iters = 5; }},
           {"prepbn_done", NormKind::kPrepbn, [](NormConfig& c) { c.lambda_start = 0; }},
           {"switchable_by_token", NormKind::kSwitchable, [](NormConfig& c) { c.form = config::SwitchForm::kToken; }},
           {"dtn_of_one_head", NormKind::kDtn, [](NormConfig& c) { c.heads = 1; }},
           {"dtn_variance", NormKind::kDtn, [](NormConfig& c) { c.only_var = true; }},
           {"dtn_pooled", NormKind::kDtn, [](NormConfig& c) { c.grid = 1; }},
           {"bhyt_fixed_lambda", NormKind::kBhyt, [](NormConfig& c) { c.learn_lambda = false; }},
       }) {
    NormConfig config = small(of);
    change(config);
    // The first training step of these takes no statistics of its batch: LayerNorm alone, and running values.
    const std::string_view of_rows = name;
    const bool batch = over_the_batch(of) && of_rows != "prepbn_warming" && of_rows != "power_norm_warm";
    const bool same = !over_the_batch(of) || of_rows == "power_norm_warm";
    all.push_back({name, config, same, !estimates_gradient(of), batch});
  }
  NormConfig group = small(NormKind::kGroup);
  group.affine = false;
  all.push_back({"group_plain", group});
  NormConfig batch = kind(NormKind::kBatch);
  batch.statistics = config::Statistics::kPerRank;
  all.push_back({"batch_per_rank", batch, false, true, true});
  NormConfig blend = selector(Gate::kSoftmax);
  blend.branches = {small(NormKind::kGroup), kind(NormKind::kBatch), kind(NormKind::kAdyt), kind(NormKind::kDerf)};
  all.push_back({"selector_of_groups_and_batches", blend, false, true, true});
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const norms::RegistryRow& row : norms::registry()) {
    if (row.kind == NormKind::kSelector) continue;
    const bool batch = over_the_batch(row.kind);
    all.push_back({std::string(row.name), small(row.kind), !batch, !estimates_gradient(row.kind), batch});
  }
  add_feature_cases(all);
  add_variants(all);
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
  // In the state that training begins with.
  at::Tensor from_start(const at::Tensor& x, const StepContext& step = {}) {
    build();
    return forward(x, step);
  }

  std::unique_ptr<norms::ParameterTable> table_;
  std::unique_ptr<norms::Norm> norm_;
};

TEST_P(NormConformance, KeepsShapeAndDtype) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
    build(dtype == at::kDouble ? at::kDouble : at::kFloat);
    const at::Tensor x = random_tensor("x", {3, 4, kChannels}, dtype);
    const at::Tensor y = forward(x);
    EXPECT_EQ(y.sizes(), x.sizes());
    EXPECT_EQ(y.scalar_type(), dtype);
  }
}

TEST_P(NormConformance, Bfloat16IsFloat32RoundedOnce) {
  const at::Tensor x = random_tensor("x", {3, 4, kChannels}, at::kBFloat16);
  for (const bool training : {true, false}) {
    const at::Tensor low = from_start(x, {.training = training});
    EXPECT_TRUE(same_bits(low, from_start(x.to(at::kFloat), {.training = training}).to(at::kBFloat16)));
  }
}

TEST_P(NormConformance, AutocastDoesNotChangeIt) {
  const at::Tensor x = random_tensor("x", {3, 4, kChannels});
  const at::Tensor outside = from_start(x);
  const eval::Autocast autocast(at::kCPU, true);
  EXPECT_TRUE(same_bits(outside, from_start(x)));
}

TEST_P(NormConformance, InputGradientAgreesWithFiniteDifferences) {
  if (!GetParam().smooth) GTEST_SKIP() << "a straight-through gradient is not a derivative";
  build(at::kDouble);
  at::Tensor x = random_tensor("x", {2, 4, kChannels}, at::kDouble).requires_grad_(true);
  const at::Tensor dy = random_tensor("dy", {2, 4, kChannels}, at::kDouble);
  const SavedState state(*table_);
  const auto loss = [&] {
    state.restore();
    return (forward(x, {.step = 2}) * dy).sum();
  };
  EXPECT_LT(gradient_error(x, loss), 1e-7);
}

TEST_P(NormConformance, EvaluationGradientAgreesWithFiniteDifferences) {
  if (!GetParam().smooth) GTEST_SKIP() << "a straight-through gradient is not a derivative";
  build(at::kDouble);
  forward(random_tensor("before", {2, 4, kChannels}, at::kDouble));  // moves running values away from their start
  at::Tensor x = random_tensor("x", {2, 4, kChannels}, at::kDouble).requires_grad_(true);
  const at::Tensor dy = random_tensor("dy", {2, 4, kChannels}, at::kDouble);
  const StepContext step{.training = false, .step = 2};
  EXPECT_LT(gradient_error(x, [&] { return (forward(x, step) * dy).sum(); }), 1e-7);
}

TEST_P(NormConformance, ParameterGradientsAgreeWithFiniteDifferences) {
  if (!GetParam().smooth) GTEST_SKIP() << "a straight-through gradient is not a derivative";
  build(at::kDouble);
  const at::Tensor x = random_tensor("x", {2, 4, kChannels}, at::kDouble),
                   dy = random_tensor("dy", x.sizes(), at::kDouble);
  const SavedState state(*table_);
  const auto loss = [&] {
    state.restore();
    return (forward(x, {.step = 2}) * dy).sum();
  };
  for (norms::Parameter& p : table_->parameters()) {
    if (!p.trainable) continue;
    EXPECT_LT(gradient_error(p.value, loss), 1e-7) << p.name;
  }
}

TEST_P(NormConformance, EveryTrainableParameterGetsAGradient) {
  build();
  const at::Tensor x = random_tensor("x", {4, 4, kChannels}).requires_grad_(true);
  const at::Tensor y = forward(x);
  y.backward(random_tensor("dy", y.sizes()));
  for (const norms::Parameter& p : table_->parameters()) EXPECT_EQ(p.value.grad().defined(), p.trainable) << p.name;
}

TEST_P(NormConformance, TrainingAndEvaluationAgreeWhereClaimed) {
  build();
  const at::Tensor x = random_tensor("x", {16, 4, kChannels});
  const bool same = same_bits(forward(x, {.training = true, .step = 1}), forward(x, {.training = false, .step = 1}));
  EXPECT_EQ(same, GetParam().train_equals_eval);
}

TEST_P(NormConformance, IsDeterministic) {
  const at::Tensor x = random_tensor("x", {4, 4, kChannels});
  EXPECT_TRUE(same_bits(from_start(x, {.step = 5}), from_start(x, {.step = 5})));
}

// Nor do they at evaluation where the batch has a part in training, or moves the state.
TEST_P(NormConformance, SamplesDoNotMix) {
  build();
  const bool training = !GetParam().mixes_samples && table_->buffers().empty();
  const at::Tensor x = random_tensor("x", {4, 4, kChannels});
  const std::vector<int64_t> all{0, 1, 2, 3}, one{2};
  const at::Tensor together = forward(x, {.training = training, .samples = &all});
  const at::Tensor alone = forward(x.narrow(0, 2, 1), {.training = training, .samples = &one});
  EXPECT_LT(largest_difference(together.narrow(0, 2, 1), alone), 1e-6);
}

TEST_P(NormConformance, SamplesMixOnlyWhereClaimed) {
  const at::Tensor x = random_tensor("x", {4, 4, kChannels});
  const at::Tensor together = from_start(x).narrow(0, 0, 1), alone = from_start(x.narrow(0, 0, 1));
  EXPECT_EQ(largest_difference(together, alone) > 1e-3, GetParam().mixes_samples);
}

TEST_P(NormConformance, EvaluationDoesNotMoveTheState) {
  build();
  const at::Tensor x = random_tensor("x", {4, 4, kChannels});
  forward(x);
  std::vector<at::Tensor> before;
  for (const norms::Buffer& buffer : table_->buffers()) before.push_back(buffer.value.clone());
  forward(x * 3.0, {.training = false});
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_bits(table_->buffers()[i].value, before[i]));
}

TEST_P(NormConformance, AnEmptyBatchMovesOnlyCounters) {
  build();
  std::vector<at::Tensor> before;
  for (const norms::Buffer& buffer : table_->buffers()) before.push_back(buffer.value.clone());
  forward(random_tensor("x", {0, 4, kChannels}));
  for (size_t i = 0; i < before.size(); ++i) {
    const norms::Buffer& buffer = table_->buffers()[i];
    EXPECT_TRUE(buffer.on_host || same_bits(buffer.value, before[i])) << buffer.name;
  }
}

TEST_P(NormConformance, TakesAnEmptyBatch) {
  build();
  at::Tensor x = random_tensor("x", {0, 4, kChannels}).requires_grad_(true);
  const at::Tensor y = forward(x);
  EXPECT_EQ(y.sizes(), x.sizes());
  y.sum().backward();
  EXPECT_EQ(x.grad().sizes(), x.sizes());
}

TEST_P(NormConformance, TakesNonContiguousInput) {
  build();
  const at::Tensor x = random_tensor("x", {3, kChannels, 4}).transpose(1, 2);
  const at::Tensor strided = from_start(x);
  EXPECT_LT(largest_difference(strided, from_start(x.contiguous())), 1e-6);
}

TEST_P(NormConformance, StaysFiniteOnExtremeInput) {
  build();
  const at::Tensor x = random_tensor("x", {3, 4, kChannels});
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
  if (GetParam().config.kind == NormKind::kDtn) GTEST_SKIP() << "attention among the tokens";
  EXPECT_EQ(norm_->macs(3) - norm_->macs(2), norm_->macs(2) - norm_->macs(1));
}

TEST_P(NormConformance, StatsAreFinite) {
  build();
  forward(random_tensor("x", {3, 4, kChannels}), {.training = false, .step = 1});
  for (const auto& [name, value] : norm_->stats()) EXPECT_TRUE(std::isfinite(value)) << name;
}

INSTANTIATE_TEST_SUITE_P(Norms, NormConformance, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace autonorm::conformance
