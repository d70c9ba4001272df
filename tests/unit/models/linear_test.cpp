// The affine map agrees with at::linear in value and in both derivatives, whichever product it takes.
#include "core/kernels/linear.h"

#include <ATen/TensorOperators.h>
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/eval/autocast.h"

namespace autonorm::kernels {
namespace {

using Tensors = std::vector<at::Tensor>;
using Affine = at::Tensor (*)(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&);

at::Tensor reference(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  return at::linear(x, weight, bias);
}

struct Shape {
  std::vector<int64_t> x;
  int64_t out;
  bool bias;
};

class Linear : public ::testing::TestWithParam<Shape> {};

Tensors inputs(const Shape& shape, at::ScalarType dtype) {
  const auto options = at::TensorOptions(dtype);
  Tensors all{at::randn(shape.x, options), at::randn({shape.out, shape.x.back()}, options)};
  if (shape.bias) all.push_back(at::randn({shape.out}, options));
  for (at::Tensor& t : all) t.requires_grad_(true);
  return all;
}

at::Tensor apply(Affine affine, const Tensors& in) {
  return affine(in[0], in[1], in.size() > 2 ? std::optional(in[2]) : std::nullopt);
}

// y, and the gradients of Σ y² by each input.
Tensors with_gradients(Affine affine, const Tensors& in) {
  const at::Tensor y = apply(affine, in);
  Tensors out{y};
  for (at::Tensor& gradient : torch::autograd::grad({(y * y).sum()}, in)) out.push_back(std::move(gradient));
  return out;
}

double largest_relative_error(const at::Tensor& got, const at::Tensor& want) {
  if (want.numel() == 0) return 0.0;
  return (got - want).abs().max().item<double>() / std::max(want.abs().max().item<double>(), 1e-30);
}

TEST_P(Linear, AgreesWithTheComposedForm) {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
    const Tensors in = inputs(GetParam(), dtype);
    const Tensors got = with_gradients(&linear, in), want = with_gradients(&reference, in);
    for (size_t i = 0; i < want.size(); ++i) {
      ASSERT_EQ(got[i].sizes(), want[i].sizes()) << "output " << i;
      EXPECT_EQ(got[i].scalar_type(), dtype);
      EXPECT_LT(largest_relative_error(got[i], want[i]), dtype == at::kFloat ? 1e-5 : 1e-13) << "output " << i;
    }
  }
}

TEST_P(Linear, IsDifferentiableTwice) {
  const auto second = [](Affine affine, const Tensors& in) {
    const at::Tensor y = apply(affine, in);
    const at::Tensor dx = torch::autograd::grad({(y * y * y).sum()}, {in[0]}, {}, {}, /*create_graph=*/true)[0];
    return torch::autograd::grad({dx.sum()}, {in[0], in[1]});
  };
  const Tensors in = inputs(GetParam(), at::kFloat);
  const Tensors got = second(&linear, in), want = second(&reference, in);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_LT(largest_relative_error(got[i], want[i]), 1e-4) << "input " << i;
}

INSTANTIATE_TEST_SUITE_P(SmallAndLarge, Linear,
                         ::testing::Values(Shape{{5, 7}, 3, true}, Shape{{3}, 4, true}, Shape{{0, 192}, 192, true},
                                           Shape{{512, 192}, 192, true}, Shape{{8, 64, 192}, 576, true},
                                           Shape{{8, 64, 192}, 576, false}, Shape{{4, 8, 33, 100}, 257, true}),
                         [](const auto& info) { return "case" + std::to_string(info.index); });

TEST(LinearKernel, TakesViewsThatAreNotContiguous) {
  const at::Tensor wide = at::randn({64, 400, 16});
  const at::Tensor x = wide.transpose(0, 1).slice(2, 0, 15), weight = at::randn({15, 600}).t();
  EXPECT_LT(largest_relative_error(kernels::linear(x, weight, std::nullopt), at::linear(x, weight)), 1e-5);
}

TEST(LinearKernel, FollowsAutocast) {
  const at::Tensor x = at::randn({512, 192}), weight = at::randn({192, 192});
  const eval::Autocast autocast(at::kCPU, true);
  EXPECT_EQ(kernels::linear(x, weight, std::nullopt).scalar_type(), at::kBFloat16);
}

TEST(LinearKernel, RunsUnderVmap) {
  const at::Tensor x = at::randn({2, 512, 192}), weight = at::randn({2, 192, 192});
  const int64_t level = at::functorch::initAndPushDynamicLayer(at::functorch::TransformType::Vmap, 2,
                                                               at::functorch::RandomnessType::Error);
  const at::Tensor mapped = kernels::linear(at::functorch::makeBatched(x, 0, level),
                                            at::functorch::makeBatched(weight, 0, level), std::nullopt);
  const at::Tensor got = std::get<0>(at::functorch::unwrapTensorAtLevel(mapped, level));
  at::functorch::popDynamicLayerAndDeleteMetadata();
  const at::Tensor want = at::stack({at::linear(x[0], weight[0]), at::linear(x[1], weight[1])});
  EXPECT_LT(largest_relative_error(got, want), 1e-5);
}

TEST(LinearKernel, ShapesThatDoNotFitAreAnError) {
  EXPECT_THROW(kernels::linear(at::randn({512, 192}), at::randn({192, 191}), std::nullopt), c10::Error);
  EXPECT_THROW(kernels::linear(at::randn({512, 192}), at::randn({192, 192}), at::randn({5})), c10::Error);
}

}  // namespace
}  // namespace autonorm::kernels
