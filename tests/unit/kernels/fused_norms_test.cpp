// The fused norms against their composed forms in float64, forward and backward.
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "tests/conformance/norms/gradcheck.h"
#include "tests/unit/kernels/fused_cases.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::kernels {
namespace {

using norms::random_tensor;
using norms::same_bits;

constexpr int64_t kBatch = 3, kTokens = 5;

// What a function gives: y, then the gradients of x and of each companion.
using Function = std::function<at::Tensor(const at::Tensor&, const Tensors&)>;
Tensors results(const Function& function, const at::Tensor& x, const Tensors& p, const at::Tensor& dy,
                at::ScalarType type, at::ScalarType wide) {
  Tensors leaves{x.detach().to(type, /*non_blocking=*/false, /*copy=*/true).requires_grad_(true)};
  for (const at::Tensor& one : p) leaves.push_back(one.detach().to(wide, false, true).requires_grad_(true));
  Tensors out{function(leaves[0], Tensors(leaves.begin() + 1, leaves.end()))};
  out[0].backward(dy.to(type));
  for (const at::Tensor& leaf : leaves) out.push_back(leaf.grad());
  return out;
}

// Largest |found − expected| over the tensor, relative to 1 + the largest |expected|.
double error(const at::Tensor& found, const at::Tensor& expected) {
  if (found.numel() == 0) return 0;
  const at::Tensor e = expected.to(at::kDouble);
  return norms::largest_difference(found, e) / (1.0 + e.abs().max().item<double>());
}

class FusedNorm : public testing::TestWithParam<FusedCase> {
 protected:
  Tensors parameters(int64_t channels, at::ScalarType wide = at::kFloat, int64_t batch = kBatch) const {
    Tensors p;
    for (const auto& shape : GetParam().shapes(batch, channels)) {
      const std::string name = "p" + std::to_string(p.size());
      p.push_back((random_tensor(name, shape, at::kDouble) * 0.4 + 0.8).to(wide));
    }
    return p;
  }

  // Σ |terms| of each companion's gradient, in its shape: what the rounding of such a sum goes with.
  Tensors sizes_of_sums(const at::Tensor& x, const Tensors& p, const at::Tensor& dy) const {
    Tensors spread, sums;
    for (const at::Tensor& one : p) {
      const bool gate = one.dim() == 2;
      const at::Tensor wide = gate ? one.reshape({one.size(0), 1, 1, 2}) : one;
      std::vector<int64_t> shape = x.sizes().vec();
      if (gate) shape.push_back(2);
      spread.push_back(wide.to(at::kDouble).expand(shape).clone().requires_grad_(true));
    }
    const at::Tensor y = GetParam().spread(x.to(at::kDouble), spread);
    if (!p.empty()) y.backward(dy.to(at::kDouble));
    for (size_t i = 0; i < p.size(); ++i) {
      const at::Tensor terms = spread[i].grad().abs();
      if (p[i].dim() == 2) {
        sums.push_back(terms.sum(at::IntArrayRef{1, 2}));
      } else {
        sums.push_back(p[i].numel() == 1 && x.size(2) != 1 ? terms.sum().reshape({1})
                                                           : terms.sum(at::IntArrayRef{0, 1}));
      }
    }
    return sums;
  }

  // Fused in `type` against composed in float64 on the same (rounded) values. `data` bounds y and dx, which are rounded
  // to `type`, against their largest value; `sums` bounds the gradients of parameters, which are sums in the wide type,
  // against the largest sum of terms' sizes.
  void expect_equal_to_composed(const at::Tensor& x, int64_t channels, at::ScalarType type, double data, double sums) {
    const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const Tensors p = parameters(channels, wide);
    const at::Tensor rounded = x.to(type), dy = random_tensor("dy", x.sizes()).to(type);
    const Tensors found = results(GetParam().fused, rounded, p, dy, type, wide);
    const Tensors expected = results(GetParam().composed, rounded, p, dy, at::kDouble, at::kDouble);
    const Tensors sizes = sizes_of_sums(rounded, p, dy);
    for (size_t i = 0; i < found.size(); ++i) {
      EXPECT_EQ(found[i].sizes(), expected[i].sizes());
      const bool is_sum = i >= 2;
      const double size = is_sum ? 1.0 + sizes[i - 2].max().item<double>() : 0.0;
      const double worst =
          is_sum ? norms::largest_difference(found[i], expected[i]) / size : error(found[i], expected[i]);
      EXPECT_LT(worst, is_sum ? sums : data) << (i == 0   ? "y"
                                                 : i == 1 ? "dx"
                                                          : "gradient of parameter ")
                                             << i << ", C = " << channels << ", " << type;
    }
  }
};

constexpr double kSumBound = 2.4e-6;     // of Σ |terms|: 40 roundings of float32
constexpr double kFloatBound = 5e-6;     // 40 roundings of float32
constexpr double kBfloatBound = 0.0040;  // half a unit of bfloat16's 8 bits
constexpr double kDoubleBound = 1e-12;   // the reference, too, rounds: by 2^-53 / √eps where the variance is 0
constexpr int64_t kChannels[] = {1, 3, 64, 65, 127, 192, 768, 1023, 4096};

TEST_P(FusedNorm, EqualsTheComposedForm) {
  for (const int64_t c : kChannels) {
    const at::Tensor x = random_tensor("x", {kBatch, kTokens, c}, at::kDouble) * 1.5;
    expect_equal_to_composed(x, c, at::kFloat, kFloatBound, kSumBound);
    expect_equal_to_composed(x, c, at::kDouble, kDoubleBound, kDoubleBound);
    expect_equal_to_composed(x, c, at::kBFloat16, kBfloatBound, kSumBound);
  }
}

TEST_P(FusedNorm, TakesNonContiguousViews) {
  for (const int64_t c : {3, 65, 192}) {
    const at::Tensor transposed = random_tensor("x", {kBatch, c, kTokens}, at::kDouble).transpose(1, 2);
    const at::Tensor slice =
        random_tensor("x", {kBatch, 2 * kTokens, 2 * c}, at::kDouble).slice(1, 0, 2 * kTokens, 2).narrow(2, c / 2, c);
    const at::Tensor repeated = random_tensor("x", {1, 1, c}, at::kDouble).expand({kBatch, kTokens, c});
    for (const at::Tensor& x : {transposed, slice, repeated}) {
      expect_equal_to_composed(x, c, at::kFloat, kFloatBound, kSumBound);
      const Tensors p = parameters(c);
      const at::Tensor y = GetParam().fused(x.to(at::kFloat), p);
      EXPECT_TRUE(same_bits(y, GetParam().fused(x.to(at::kFloat).contiguous(), p)));
    }
  }
}

TEST_P(FusedNorm, TakesExtremeRows) {
  for (const int64_t c : {1, 64, 65, 768}) {
    at::Tensor x = random_tensor("x", {kBatch, kTokens, c}, at::kDouble);
    x.select(1, 0).mul_(1e4);
    x.select(1, 1).mul_(1e-8);
    x.select(1, 2).zero_();
    x.select(1, 3).fill_(3.7);           // constant: variance 0
    x.select(1, 4).mul_(2.0).add_(1e3);  // far from zero
    // A row without variance has rstd = 1 / √eps, and what rounding leaves of x − μ is multiplied by it.
    expect_equal_to_composed(x, c, at::kFloat, 1e-4, 1e-4);
    expect_equal_to_composed(x, c, at::kDouble, 1e-9, 1e-9);
  }
}

TEST_P(FusedNorm, HasTheGradientThatFiniteDifferencesSee) {
  for (const int64_t c : {3, 17}) {
    Tensors p = parameters(c, at::kDouble);
    at::Tensor x = random_tensor("x", {kBatch, 2, c}, at::kDouble).requires_grad_(true);
    const at::Tensor dy = random_tensor("dy", x.sizes(), at::kDouble);
    for (at::Tensor& one : p) one.requires_grad_(true);
    const auto loss = [&] { return (GetParam().fused(x, p) * dy).sum(); };
    EXPECT_LT(conformance::gradient_error(x, loss), 1e-7);
    for (const at::Tensor& one : p) EXPECT_LT(conformance::gradient_error(one, loss), 1e-7);
  }
}

TEST_P(FusedNorm, Bfloat16IsFloat32RoundedOnce) {
  for (const int64_t c : kChannels) {
    const Tensors p = parameters(c);
    const at::Tensor x = random_tensor("x", {kBatch, kTokens, c}).to(at::kBFloat16);
    const at::Tensor dy = random_tensor("dy", x.sizes()).to(at::kBFloat16);
    const Tensors narrow = results(GetParam().fused, x, p, dy, at::kBFloat16, at::kFloat);
    const Tensors wide = results(GetParam().fused, x, p, dy, at::kFloat, at::kFloat);
    for (size_t i = 0; i < narrow.size(); ++i) {
      EXPECT_TRUE(same_bits(narrow[i], wide[i].to(narrow[i].scalar_type()))) << i << ", C = " << c;
    }
  }
}

TEST_P(FusedNorm, ARowDoesNotDependOnItsNeighbours) {
  for (const int64_t c : {3, 65, 192, 1023}) {
    const Tensors p = parameters(c, at::kFloat, 1);  // one sample
    const at::Tensor x = random_tensor("x", {1, 11, c});
    const at::Tensor all = GetParam().fused(x, p);
    for (int64_t row = 0; row < 11; ++row) {
      EXPECT_TRUE(same_bits(GetParam().fused(x.narrow(1, row, 1), p), all.narrow(1, row, 1))) << row << ", C = " << c;
    }
  }
}

TEST_P(FusedNorm, ThreadsAndRepetitionDoNotChangeABit) {
  const at::Tensor x = random_tensor("x", {kBatch, 700, 127}), dy = random_tensor("dy", x.sizes());
  const Tensors p = parameters(127);
  const auto run = [&](int threads) {
    at::set_num_threads(threads);
    const Tensors all = results(GetParam().fused, x, p, dy, at::kFloat, at::kFloat);
    at::set_num_threads(1);
    return all;
  };
  const Tensors one = run(1), again = run(1), two = run(2), three = run(3);
  for (size_t i = 0; i < one.size(); ++i) {
    EXPECT_TRUE(same_bits(one[i], again[i]) && same_bits(one[i], two[i]) && same_bits(one[i], three[i])) << i;
  }
}

// Results larger than the caches are written past them: same values.
TEST_P(FusedNorm, StreamedResultsAreTheSame) {
  constexpr int64_t kRows = 24000, kWidth = 1024;  // 94 MiB
  const at::Tensor few = random_tensor("x", {1, 8, kWidth});
  const Tensors p = parameters(kWidth, at::kFloat, 1);
  const at::Tensor y = GetParam().fused(few.repeat({1, kRows / 8, 1}), p);
  const at::Tensor expected = GetParam().fused(few, p);
  EXPECT_TRUE(same_bits(y.narrow(1, 0, 8), expected));
  EXPECT_TRUE(same_bits(y.narrow(1, kRows - 8, 8), expected));
  EXPECT_EQ(norms::largest_difference(y.narrow(1, kRows / 2, 8), expected), 0.0);
}

TEST_P(FusedNorm, TakesAnEmptyBatch) {
  const Tensors p = parameters(6, at::kFloat, 0);
  const at::Tensor x = at::zeros({0, 4, 6}), dy = at::zeros({0, 4, 6});
  const Tensors found = results(GetParam().fused, x, p, dy, at::kFloat, at::kFloat);
  EXPECT_EQ(found[0].sizes(), x.sizes());
  for (size_t i = 2; i < found.size(); ++i) EXPECT_EQ(error(found[i], at::zeros_like(found[i])), 0.0);
}

TEST_P(FusedNorm, NanStaysNan) {
  for (const auto type : {at::kFloat, at::kBFloat16, at::kDouble}) {
    at::Tensor x = random_tensor("x", {kBatch, kTokens, 65});
    x[1][2][64] = std::nan("");
    const Tensors p = parameters(65, type == at::kDouble ? at::kDouble : at::kFloat);
    const at::Tensor y = GetParam().fused(x.to(type), p);
    EXPECT_TRUE(y[1][2][64].isnan().item<bool>()) << type;
    EXPECT_FALSE(y[1][1].isnan().any().item<bool>()) << type;
  }
}

TEST_P(FusedNorm, Float16GoesThroughTheComposedForm) {
  const Tensors p = parameters(65);
  const at::Tensor x = random_tensor("x", {kBatch, kTokens, 65}, at::kHalf);
  const at::Tensor y = GetParam().fused(x, p);
  EXPECT_EQ(y.scalar_type(), at::kHalf);
  EXPECT_TRUE(same_bits(y, GetParam().composed(x, p)));
}

TEST_P(FusedNorm, RefusesASecondDerivative) {
  const Tensors p = parameters(6);
  const at::Tensor x = random_tensor("x", {kBatch, kTokens, 6}).requires_grad_(true);
  const at::Tensor y = GetParam().fused(x, p);
  EXPECT_THROW(y.square().sum().backward({}, /*retain_graph=*/true, /*create_graph=*/true), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Norms, FusedNorm, testing::ValuesIn(fused_cases()),
                         [](const auto& info) { return info.param.name; });

TEST(FusedBlend, FixedToLayerNormIsLayerNormBitForBit) {
  for (const int64_t c : kChannels) {
    const at::Tensor x = random_tensor("x", {kBatch, kTokens, c}), one = at::full({1}, 0.5);
    const at::Tensor w = random_tensor("w", {c}), b = random_tensor("b", {c}), v = random_tensor("v", {c});
    at::Tensor gate = at::zeros({kBatch, 2});
    gate.select(1, 1).fill_(1.0);
    const BlendParameters p{.alpha = one, .dyt_weight = v, .dyt_bias = v, .layer_weight = w, .layer_bias = b};
    EXPECT_TRUE(same_bits(layer_dyt_blend(x, gate, p), layer_norm(x, w, b, p.eps))) << c;
    EXPECT_TRUE(same_bits(layer_dyt_blend(x, 1.0 - gate, p), dyt(x, one, v, v))) << c;
  }
}

TEST(FusedNormErrors, AWrongShapeIsNamed) {
  const at::Tensor x = random_tensor("x", {2, 3, 4}), four = random_tensor("w", {4}), five = random_tensor("w", {5});
  EXPECT_THROW(layer_norm(x, five, {}, 1e-5), c10::Error);
  EXPECT_THROW(layer_norm(x, {}, four, 1e-5), c10::Error);
  EXPECT_THROW(dyt(x, four, four, four), c10::Error);
  EXPECT_THROW(rms_norm(random_tensor("s", {}), {}, 1e-6), c10::Error);
}

}  // namespace
}  // namespace autonorm::kernels
