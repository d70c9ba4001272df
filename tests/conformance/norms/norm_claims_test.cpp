// What each norm claims about ranks, gradient accumulation, precision, masks, resume and vmap (norm_cases.h), tried on
// three steps of training in float64.
#include <ATen/TensorOperators.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "core/eval/autocast.h"
#include "core/norms/capability.h"
#include "core/norms/registry.h"
#include "core/train/gang_ranks.h"
#include "tests/conformance/norms/norm_cases.h"
#include "tests/support/thread_group.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::conformance {
namespace {

using norms::largest_difference;
using norms::random_tensor;
using norms::same_bits;
using norms::StepContext;

constexpr int64_t kChannels = 6, kTokens = 4, kSamples = 5;
constexpr double kBound = 1e-11;  // sums in another order, in float64

struct Built {
  explicit Built(const config::NormConfig& config, at::ScalarType dtype = at::kDouble)
      : table(norms::kTestSeed, dtype), norm(norms::make_norm(config, kChannels, "site", table)) {
    const at::NoGradGuard no_grad;
    for (norms::Parameter& p : table.parameters()) p.value.add_(random_tensor(p.name, p.value.sizes(), dtype), 0.3);
  }
  // Everything a checkpoint has.
  void take_over(const Built& other) {
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < table.parameters().size(); ++i)
      table.parameters()[i].value.copy_(other.table.parameters()[i].value);
    for (size_t i = 0; i < table.buffers().size(); ++i) table.buffers()[i].value.copy_(other.table.buffers()[i].value);
  }
  void clear_gradients() {
    for (norms::Parameter& p : table.parameters()) p.value.mutable_grad().reset();
  }
  void end_step(const StepContext& step) {
    for (norms::Stateful* stateful : table.stateful()) stateful->gradients_ready(step);
  }
  norms::ParameterTable table;
  std::unique_ptr<norms::Norm> norm;
};

struct Outcome {
  at::Tensor y, dx;
};
Outcome pass(Built& built, const at::Tensor& x, const at::Tensor& dy, const StepContext& step) {
  const at::Tensor input = x.detach().clone().requires_grad_(true);
  const at::Tensor y = built.norm->forward(input, step);
  if (y.requires_grad()) y.backward(dy);
  return {y.detach(), input.grad().defined() ? input.grad() : at::zeros_like(input)};
}

// Inputs of optimizer step k; its samples are numbered as in training.
at::Tensor x_of(int64_t step, at::ScalarType dtype = at::kDouble) {
  return random_tensor("x" + std::to_string(step), {kSamples, kTokens, kChannels}, dtype);
}
at::Tensor dy_of(int64_t step, at::ScalarType dtype = at::kDouble) {
  return random_tensor("dy" + std::to_string(step), {kSamples, kTokens, kChannels}, dtype);
}
StepContext context(int64_t step, const std::vector<int64_t>& samples) {
  return {.step = step, .total_steps = 3, .epoch = step, .samples = &samples};
}
const std::vector<int64_t> kAll{0, 1, 2, 3, 4};

void expect_same_state(const Built& a, const Built& b, double bound) {
  ASSERT_EQ(a.table.buffers().size(), b.table.buffers().size());
  for (size_t i = 0; i < a.table.buffers().size(); ++i) {
    const norms::Buffer &left = a.table.buffers()[i], &right = b.table.buffers()[i];
    EXPECT_LE(largest_difference(left.value, right.value), bound) << left.name;
  }
}
void expect_same_gradients(const Built& a, const Built& b, double bound) {
  for (size_t i = 0; i < a.table.parameters().size(); ++i) {
    const norms::Parameter& p = a.table.parameters()[i];
    if (!p.trainable) continue;
    EXPECT_LE(largest_difference(p.value.grad(), b.table.parameters()[i].value.grad()), bound) << p.name;
  }
}

class NormClaim : public testing::TestWithParam<NormClaims> {};
class NormOverRanks : public testing::TestWithParam<NormClaims> {};
class NormPerRank : public testing::TestWithParam<NormClaims> {};

std::vector<NormClaims> rows(bool per_rank) {
  std::vector<NormClaims> all = norm_claims();
  std::erase_if(all, [&](const NormClaims& claims) { return claims.per_rank != per_rank; });
  return all;
}
std::string row_name(const testing::TestParamInfo<NormClaims>& info) { return info.param.name; }

// The table has a row of its name for each kind of the registry.
TEST(NormClaimTable, KnowsEveryKind) {
  const auto all = norm_claims();
  for (const norms::RegistryRow& row : norms::registry()) {
    EXPECT_TRUE(std::ranges::any_of(all, [&](const NormClaims& c) { return c.name == row.name; })) << row.name;
  }
}

// One rank's share of three steps: samples [first, last) of each. Gradients as TrainStep makes them: of the global mean
// times the number of ranks, averaged at the end of a step.
void run_rank(Built& built, distributed::Gang& gang, int64_t first, int64_t last, std::vector<Outcome>& outcomes) {
  train::GangRanks ranks(gang);
  const bool meets = std::ranges::any_of(built.table.stateful(), [](const auto* s) { return s->meets_in_forward(); });
  for (int64_t step = 0; step < 3; ++step) {
    built.clear_gradients();
    std::vector<int64_t> samples;
    for (int64_t s = first; s < last; ++s) samples.push_back(s);
    StepContext own = context(step, samples);
    own.ranks = &ranks;
    const int64_t count = last - first;
    Outcome outcome{at::zeros({0, kTokens, kChannels}, at::kDouble), at::zeros({0, kTokens, kChannels}, at::kDouble)};
    if (count > 0 || meets) {
      outcome = pass(built, x_of(step).narrow(0, first, count),
                     dy_of(step).narrow(0, first, count) * static_cast<double>(gang.size()), own);
    }
    outcomes.push_back(outcome);
    for (norms::Parameter& p : built.table.parameters()) {
      if (!p.trainable) continue;
      at::Tensor sum = p.value.grad().defined() ? p.value.grad().clone() : at::zeros_like(p.value).detach();
      gang.all_reduce_sum(sum);
      p.value.mutable_grad() = sum / gang.size();
    }
    built.end_step(own);
  }
}

// Samples are cut at `cut` for two ranks.
void expect_ranks_to_be_one(const config::NormConfig& config, int64_t cut) {
  Built alone(config);
  std::vector<Outcome> expected;
  for (int64_t step = 0; step < 3; ++step) {
    alone.clear_gradients();
    expected.push_back(pass(alone, x_of(step), dy_of(step), context(step, kAll)));
    alone.end_step(context(step, kAll));
  }
  Built one(config), two(config);
  std::vector<Outcome> of_one, of_two;
  test::run_ranks(2, [&](distributed::Gang& gang) {
    gang.leads() ? run_rank(one, gang, 0, cut, of_one) : run_rank(two, gang, cut, kSamples, of_two);
  });
  for (size_t step = 0; step < 3; ++step) {
    EXPECT_LE(largest_difference(at::cat({of_one[step].y, of_two[step].y}), expected[step].y), kBound) << step;
    EXPECT_LE(largest_difference(at::cat({of_one[step].dx, of_two[step].dx}) / 2.0, expected[step].dx), kBound) << step;
  }
  expect_same_gradients(alone, one, kBound);
  expect_same_state(alone, one, kBound);
  expect_same_state(one, two, 0.0);
}

TEST_P(NormOverRanks, TwoRanksAreOne) {
  expect_ranks_to_be_one(GetParam().config, 3);
  expect_ranks_to_be_one(GetParam().config, kSamples);  // the second rank has no sample
}

TEST_P(NormPerRank, StatisticsAreThoseOfARankAlone) {
  const config::NormConfig& config = GetParam().config;
  Built first(config), second(config), one(config), two(config);
  const std::vector<int64_t> low{0, 1, 2}, high{3, 4};
  const Outcome of_first = pass(first, x_of(0).narrow(0, 0, 3), dy_of(0).narrow(0, 0, 3) * 2.0, context(0, low));
  const Outcome of_second = pass(second, x_of(0).narrow(0, 3, 2), dy_of(0).narrow(0, 3, 2) * 2.0, context(0, high));
  std::vector<Outcome> of_one, of_two;
  test::run_ranks(2, [&](distributed::Gang& gang) {
    gang.leads() ? run_rank(one, gang, 0, 3, of_one) : run_rank(two, gang, 3, kSamples, of_two);
  });
  EXPECT_LE(largest_difference(of_one[0].y, of_first.y), kBound);
  EXPECT_LE(largest_difference(of_one[0].dx, of_first.dx), kBound);
  EXPECT_LE(largest_difference(of_two[0].y, of_second.y), kBound);
  EXPECT_LE(largest_difference(of_two[0].dx, of_second.dx), kBound);
  expect_same_state(one, two, 0.0);  // after each step
}

TEST_P(NormPerRank, StateIsTheMeanOfTheRanksOrThatOfRankZero) {
  const config::NormConfig& config = GetParam().config;
  Built first(config), second(config);
  Built* const both[] = {&first, &second};
  test::run_ranks(2, [&](distributed::Gang& gang) {
    train::GangRanks ranks(gang);
    StepContext step{.total_steps = 3, .ranks = &ranks};
    Built& own = *both[gang.rank()];
    pass(own, x_of(gang.rank()), dy_of(0), step);
    own.end_step(step);
  });
  Built low(config), high(config);
  pass(low, x_of(0), dy_of(0), {.total_steps = 3});
  pass(high, x_of(1), dy_of(0), {.total_steps = 3});
  for (size_t i = 0; i < first.table.buffers().size(); ++i) {
    const norms::Buffer& buffer = first.table.buffers()[i];
    const at::Tensor& of_zero = low.table.buffers()[i].value;
    const bool mean = config.statistics == config::Statistics::kPerRank;
    const at::Tensor wanted = mean ? (of_zero + high.table.buffers()[i].value) / 2 : of_zero;
    EXPECT_LE(largest_difference(buffer.value, wanted), kBound) << buffer.name;
    EXPECT_LE(largest_difference(second.table.buffers()[i].value, buffer.value), 0.0) << buffer.name;
  }
}

TEST_P(NormClaim, MicroBatchesAddUp) {
  const NormClaims& claims = GetParam();
  Built whole(claims.config), split(claims.config), steps(claims.config);
  const std::vector<int64_t> low{0, 1, 2}, high{3, 4};
  const Outcome expected = pass(whole, x_of(0), dy_of(0), context(0, kAll));
  const auto run = [&](Built& built, bool ends_between) {
    const at::Tensor a = pass(built, x_of(0).narrow(0, 0, 3), dy_of(0).narrow(0, 0, 3), context(0, low)).y;
    if (ends_between) built.end_step(context(0, low));
    const at::Tensor b = pass(built, x_of(0).narrow(0, 3, 2), dy_of(0).narrow(0, 3, 2), context(0, high)).y;
    built.end_step(context(0, high));
    return at::cat({a, b});
  };
  const at::Tensor y = run(split, false);
  run(steps, true);
  if (!claims.mixes_samples) {
    EXPECT_LE(largest_difference(y, expected.y), kBound);
    expect_same_gradients(split, whole, kBound);
  } else {
    EXPECT_GT(largest_difference(y, expected.y), 1e-3) << "each micro-batch has statistics of its own";
  }
  if (claims.state == StateClaim::kMicroBatch) expect_same_state(split, steps, kBound);
  if (claims.state != StateClaim::kStep) return;
  whole.end_step(context(0, kAll));
  expect_same_state(split, whole, kBound);  // once for both
}

TEST_P(NormClaim, Bfloat16UnderAutocastLearnsInFloat32) {
  Built low(GetParam().config, at::kFloat), wide(GetParam().config, at::kFloat);
  const at::Tensor x = x_of(0, at::kBFloat16), dy = dy_of(0, at::kBFloat16);
  const at::Tensor input = x.detach().clone().requires_grad_(true);
  Outcome found;
  {
    const eval::Autocast autocast(at::kCPU, true);  // as in a training step: around the forward pass
    found.y = low.norm->forward(input, context(0, kAll));
  }
  if (found.y.requires_grad()) found.y.backward(dy);
  found.dx = input.grad();
  const Outcome expected = pass(wide, x.to(at::kFloat), dy.to(at::kFloat), context(0, kAll));
  EXPECT_TRUE(same_bits(found.y, expected.y.to(at::kBFloat16)));
  EXPECT_EQ(found.dx.scalar_type(), at::kBFloat16);
  EXPECT_LE(largest_difference(found.dx, expected.dx), 0.004 * (1 + expected.dx.abs().max().item<double>()));
  for (size_t i = 0; i < low.table.parameters().size(); ++i) {
    const at::Tensor &own = low.table.parameters()[i].value.grad(), &other = wide.table.parameters()[i].value.grad();
    if (!own.defined()) continue;
    EXPECT_EQ(own.scalar_type(), at::kFloat);
    EXPECT_LE(largest_difference(own, other), 1e-5 * (1 + other.abs().max().item<double>()))
        << low.table.parameters()[i].name;
  }
}

// Not float32 somewhere inside: a change of x that float32 cannot hold arrives, with the slope that float64 has.
TEST_P(NormClaim, Float64IsFloat64) {
  constexpr double kSmall = 1e-10;
  Built base(GetParam().config), moved(GetParam().config);
  const at::Tensor x = x_of(0), direction = dy_of(1);
  const Outcome at_x = pass(base, x, dy_of(0), context(0, kAll));
  const Outcome beside = pass(moved, x + direction * kSmall, dy_of(0), context(0, kAll));
  EXPECT_EQ(at_x.y.scalar_type(), at::kDouble);
  EXPECT_GT(largest_difference(at_x.y, beside.y), 1e-12);
  EXPECT_LT(largest_difference(at_x.y, beside.y), 1e-7);
  for (const norms::Parameter& p : base.table.parameters()) EXPECT_EQ(p.value.scalar_type(), at::kDouble) << p.name;
}

TEST_P(NormClaim, PaddedTokensAreTreatedAsClaimed) {
  const NormClaims& claims = GetParam();
  at::Tensor mask = at::ones({kSamples, kTokens}, at::kBool);
  mask[1][3] = mask[4][2] = mask[4][3] = false;
  const at::Tensor valid = mask.unsqueeze(-1);
  StepContext masked = context(0, kAll);
  masked.mask = &mask;
  EXPECT_EQ(norms::takes_mask(claims.config), claims.mask != MaskClaim::kRefused);
  Built built(claims.config), other(claims.config), unmasked(claims.config);
  const at::Tensor x = x_of(0), padded = at::where(valid, x, x * 7.0 + 3.0);
  if (claims.mask == MaskClaim::kRefused) {
    EXPECT_THROW(built.norm->forward(x, masked), c10::Error);
    return;
  }
  const at::Tensor y = pass(built, x, dy_of(0), masked).y;
  const at::Tensor with_other_padding = pass(other, padded, dy_of(0), masked).y;
  const at::Tensor without = pass(unmasked, x, dy_of(0), context(0, kAll)).y;
  EXPECT_LE(largest_difference(y * valid, with_other_padding * valid), kBound);
  EXPECT_EQ(largest_difference(y, without) > 1e-3, claims.mask == MaskClaim::kLeftOut);
}

TEST_P(NormClaim, ResumedItGoesOnBitForBit) {
  Built all(GetParam().config), before(GetParam().config), after(GetParam().config);
  const auto step = [&](Built& built, int64_t k) {
    built.clear_gradients();
    const Outcome outcome = pass(built, x_of(k), dy_of(k), context(k, kAll));
    built.end_step(context(k, kAll));
    return outcome;
  };
  for (int64_t k = 0; k < 2; ++k) {
    step(all, k);
    step(before, k);
  }
  after.take_over(before);
  const Outcome expected = step(all, 2), found = step(after, 2);
  EXPECT_TRUE(same_bits(found.y, expected.y));
  EXPECT_TRUE(same_bits(found.dx, expected.dx));
  expect_same_state(after, all, 0.0);
  const StepContext evaluation{.training = false, .step = 3, .total_steps = 3, .samples = &kAll};
  EXPECT_TRUE(same_bits(after.norm->forward(x_of(3), evaluation), all.norm->forward(x_of(3), evaluation)));
  const bool has_state = !all.table.buffers().empty();
  EXPECT_EQ(has_state, GetParam().state != StateClaim::kNone);
}

constexpr int64_t kModels = 3;

// The slots of one table hold the values of several models while it lives.
class Mapped {
 public:
  Mapped()
      : level_(at::functorch::initAndPushDynamicLayer(at::functorch::TransformType::Vmap, kModels,
                                                      at::functorch::RandomnessType::Error)) {}
  ~Mapped() { at::functorch::popDynamicLayerAndDeleteMetadata(); }
  Mapped(const Mapped&) = delete;
  at::Tensor wrap(const at::Tensor& stacked) const { return at::functorch::makeBatched(stacked, 0, level_); }
  static at::Tensor unwrap(const at::Tensor& t) {
    const auto* batched = at::functorch::maybeGetBatchedImpl(t);
    return batched == nullptr ? t.unsqueeze(0).expand({kModels, kSamples, kTokens, kChannels})
                              : batched->value().movedim(batched->bdim(), 0);
  }

 private:
  int64_t level_;
};

// What `kModels` models with values and inputs of their own give, and leave behind.
struct Family {
  at::Tensor y, dx;
  std::vector<at::Tensor> gradients, state;
};

class Models {
 public:
  explicit Models(const config::NormConfig& config) {
    const Built like(config);
    for (const norms::Parameter& p : like.table.parameters()) {
      parameters_.push_back(stacked(p.name, p.value).set_requires_grad(p.trainable));
    }
    for (const norms::Buffer& b : like.table.buffers()) {
      state_.push_back(b.on_host ? at::Tensor() : stacked(b.name, b.value).abs());
    }
    x_ = random_tensor("x", {kModels, kSamples, kTokens, kChannels}, at::kDouble).requires_grad_(true);
  }

  Family under_vmap(const config::NormConfig& config, bool training) {
    Built built(config);
    std::vector<at::Tensor> state = copies();
    at::Tensor y;
    {
      const Mapped vmap;
      put(
          built, [&](const at::Tensor& all) { return vmap.wrap(all); }, state);
      y = Mapped::unwrap(built.norm->forward(vmap.wrap(x_), step(training)));
      // Nothing of the level may outlive it.
      for (norms::Parameter& p : built.table.parameters()) p.value = at::Tensor();
      for (norms::Buffer& b : built.table.buffers()) b.value = at::Tensor();
    }
    return result(y, state);
  }

  Family one_by_one(const config::NormConfig& config, bool training) {
    std::vector<at::Tensor> state = copies(), ys;
    for (int64_t model = 0; model < kModels; ++model) {
      Built built(config);
      put(
          built, [&](const at::Tensor& all) { return all.select(0, model); }, state);
      ys.push_back(built.norm->forward(x_.select(0, model), step(training)));
    }
    return result(at::stack(ys), state);
  }

 private:
  static at::Tensor stacked(const std::string& name, const at::Tensor& like) {
    std::vector<int64_t> shape = like.sizes().vec();
    shape.insert(shape.begin(), kModels);
    return random_tensor(name, shape, at::kDouble) * 0.3 + like.detach();
  }
  static StepContext step(bool training) {
    return {.training = training, .step = 1, .total_steps = 3, .samples = &kAll};
  }
  std::vector<at::Tensor> copies() const {
    std::vector<at::Tensor> all;
    for (const at::Tensor& t : state_) all.push_back(t.defined() ? t.clone() : t);
    return all;
  }
  template <class Pick>
  void put(Built& built, Pick pick, const std::vector<at::Tensor>& state) const {
    for (size_t i = 0; i < parameters_.size(); ++i) built.table.parameters()[i].value = pick(parameters_[i]);
    for (size_t i = 0; i < state.size(); ++i) {
      if (state[i].defined()) built.table.buffers()[i].value = pick(state[i]);
    }
  }
  Family result(const at::Tensor& y, const std::vector<at::Tensor>& state) {
    y.backward(random_tensor("dy", y.sizes(), at::kDouble));
    Family family{.y = y.detach(), .dx = x_.grad().clone(), .gradients = {}, .state = state};
    x_.mutable_grad().reset();
    for (at::Tensor& p : parameters_) {
      family.gradients.push_back(p.grad().defined() ? p.grad().clone() : at::Tensor());
      p.mutable_grad().reset();
    }
    return family;
  }

  std::vector<at::Tensor> parameters_, state_;
  at::Tensor x_;
};

TEST_P(NormClaim, RunsUnderVmapAsClaimed) {
  const NormClaims& claims = GetParam();
  EXPECT_EQ(norms::why_not_vmap(claims.config).empty(), claims.vmap);
  Models models(claims.config);
  for (const bool training : {true, false}) {
    if (training && !claims.vmap) {
      if (claims.config.kind == config::NormKind::kSelector) continue;  // it would run, and mix the models' entropies
      EXPECT_THROW(models.under_vmap(claims.config, training), std::exception);
      continue;
    }
    const Family mapped = models.under_vmap(claims.config, training);
    const Family looped = models.one_by_one(claims.config, training);
    EXPECT_LE(largest_difference(mapped.y, looped.y), kBound) << training;
    EXPECT_LE(largest_difference(mapped.dx, looped.dx), kBound) << training;
    for (size_t i = 0; i < mapped.gradients.size(); ++i) {
      ASSERT_EQ(mapped.gradients[i].defined(), looped.gradients[i].defined());
      if (mapped.gradients[i].defined()) {
        EXPECT_LE(largest_difference(mapped.gradients[i], looped.gradients[i]), kBound) << training << " " << i;
      }
    }
    for (size_t i = 0; i < mapped.state.size(); ++i) {
      if (mapped.state[i].defined()) {
        EXPECT_LE(largest_difference(mapped.state[i], looped.state[i]), kBound) << training << " " << i;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Norms, NormClaim, testing::ValuesIn(norm_claims()), row_name);
INSTANTIATE_TEST_SUITE_P(Norms, NormOverRanks, testing::ValuesIn(rows(false)), row_name);
INSTANTIATE_TEST_SUITE_P(Norms, NormPerRank, testing::ValuesIn(rows(true)), row_name);

}  // namespace
}  // namespace autonorm::conformance
