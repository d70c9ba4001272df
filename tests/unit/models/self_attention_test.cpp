// Self-attention agrees with LibTorch's on the same numbers in float64, whichever form it takes.
#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>

#include "core/eval/autocast.h"
#include "core/kernels/attention.h"

namespace autonorm::kernels {
namespace {

struct Sizes {
  int64_t batch, tokens, heads, channels;
};

at::Tensor reference(const at::Tensor& qkv, int64_t heads) {
  const int64_t batch = qkv.size(0), tokens = qkv.size(1), width = qkv.size(2) / 3;
  const auto parts = qkv.view({batch, tokens, 3, heads, width / heads}).permute({2, 0, 3, 1, 4}).unbind(0);
  return at::scaled_dot_product_attention(parts[0], parts[1], parts[2]).transpose(1, 2).reshape({batch, tokens, width});
}

double relative_error(const at::Tensor& got, const at::Tensor& want) {
  return (got.to(at::kDouble) - want).abs().max().item<double>() / want.abs().max().item<double>();
}

class SelfAttention : public ::testing::TestWithParam<Sizes> {};

TEST_P(SelfAttention, AgreesInValueAndGradient) {
  const auto [batch, tokens, heads, channels] = GetParam();
  const at::Tensor x = at::randn({batch, tokens, 3 * heads * channels}).requires_grad_(true);
  const at::Tensor exact = x.detach().to(at::kDouble).requires_grad_(true);
  const at::Tensor dy = at::randn({batch, tokens, heads * channels});
  const at::Tensor got = self_attention(x, heads), want = reference(exact, heads);
  EXPECT_LT(relative_error(got, want), 2e-6);
  const at::Tensor dgot = torch::autograd::grad({got}, {x}, {dy})[0];
  const at::Tensor dwant = torch::autograd::grad({want}, {exact}, {dy.to(at::kDouble)})[0];
  EXPECT_LT(relative_error(dgot, dwant), 5e-6);
}

INSTANTIATE_TEST_SUITE_P(FewAndManyTokens, SelfAttention,
                         ::testing::Values(Sizes{2, 1, 1, 8}, Sizes{3, 17, 4, 16}, Sizes{2, 16, 2, 24},
                                           Sizes{1, 64, 3, 64}, Sizes{2, 33, 1, 40}, Sizes{2, 7, 3, 48},
                                           Sizes{2, 65, 2, 16}, Sizes{2, 5, 2, 6}),
                         [](const auto& info) {
                           return "t" + std::to_string(info.param.tokens) + "d" + std::to_string(info.param.channels);
                         });

TEST(SelfAttentionKernel, StaysAProbabilityWithExtremeScores) {
  const at::Tensor x = at::randn({2, 9, 3 * 16}) * 1e3;
  const at::Tensor want = reference(x.to(at::kDouble), 2);
  EXPECT_LT(relative_error(self_attention(x, 2), want), 1e-3);  // scores of 1e6 leave 0.1 of absolute precision
}

TEST(SelfAttentionKernel, WhatIsNoNumberStaysNone) {
  at::Tensor x = at::randn({1, 5, 3 * 16});
  x[0][2][3] = std::numeric_limits<float>::quiet_NaN();  // in a query of the first head
  const at::Tensor y = self_attention(x, 2);
  EXPECT_TRUE(y[0][2].slice(0, 0, 8).isnan().all().item<bool>());
  EXPECT_FALSE(y[0][1].isnan().any().item<bool>());
  EXPECT_FALSE(y[0][2].slice(0, 8, 16).isnan().any().item<bool>());
}

TEST(SelfAttentionKernel, FollowsAutocast) {
  const at::Tensor x = at::randn({2, 9, 3 * 16}).to(at::kBFloat16);
  const eval::Autocast autocast(at::kCPU, true);
  EXPECT_EQ(self_attention(x, 2).scalar_type(), at::kBFloat16);
}

TEST(SelfAttentionKernel, HasNoSecondDerivative) {
  const at::Tensor x = at::randn({1, 4, 3 * 8}).requires_grad_(true);
  const at::Tensor y = self_attention(x, 1);
  EXPECT_ANY_THROW(torch::autograd::grad({y.sum()}, {x}, {}, {}, /*create_graph=*/true));
}

}  // namespace
}  // namespace autonorm::kernels
