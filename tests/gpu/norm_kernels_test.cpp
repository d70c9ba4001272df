// The CUDA kernels of the fused norms against the composed forms in float64 on the CPU, forward and backward.
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include "tests/gpu/on_gpu.h"
#include "tests/unit/kernels/fused_cases.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::kernels {
namespace {

using norms::largest_difference;
using norms::random_tensor;
using norms::same_bits;

constexpr int64_t kBatch = 3, kTokens = 5;
constexpr int64_t kChannels[] = {1, 3, 64, 65, 127, 192, 768, 1023, 4096};

using Function = std::function<at::Tensor(const at::Tensor&, const Tensors&)>;

// y, then the gradients of x and of each companion, on the CPU.
Tensors results(const Function& function, const at::Tensor& x, const Tensors& p, const at::Tensor& dy,
                at::TensorOptions type, at::TensorOptions wide) {
  Tensors leaves{x.detach().to(type).clone().requires_grad_(true)};
  for (const at::Tensor& one : p) leaves.push_back(one.detach().to(wide).clone().requires_grad_(true));
  Tensors out{function(leaves[0], Tensors(leaves.begin() + 1, leaves.end()))};
  out[0].backward(dy.to(type));
  for (const at::Tensor& leaf : leaves) out.push_back(leaf.grad());
  for (at::Tensor& t : out) t = t.detach().cpu();
  return out;
}

class NormOnGpu : public testing::TestWithParam<FusedCase> {
 protected:
  void SetUp() override { skip_without_gpu(); }

  Tensors parameters(int64_t channels) const {
    Tensors p;
    for (const auto& shape : GetParam().shapes(kBatch, channels)) {
      p.push_back(random_tensor("p" + std::to_string(p.size()), shape) * 0.4 + 0.8);
    }
    return p;
  }
  void expect_equal(const at::Tensor& x, int64_t channels, at::ScalarType type, double data, double sums) {
    const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
    const Tensors p = parameters(channels);
    const at::Tensor rounded = x.to(type), dy = random_tensor("dy", x.sizes()).to(type);
    const auto gpu = at::TensorOptions(at::Device(at::kCUDA, 0)), cpu = at::TensorOptions(at::kCPU);
    const Tensors found = results(GetParam().fused, rounded, p, dy, gpu.dtype(type), gpu.dtype(wide));
    const Tensors expected =
        results(GetParam().composed, rounded, p, dy, cpu.dtype(at::kDouble), cpu.dtype(at::kDouble));
    for (size_t i = 0; i < found.size(); ++i) {
      const double size = 1.0 + expected[i].abs().max().item<double>();
      EXPECT_LT(largest_difference(found[i], expected[i]) / size, i < 2 ? data : sums)
          << i << ", C = " << channels << ", " << type;
    }
  }
};

TEST_P(NormOnGpu, EqualsTheComposedForm) {
  for (const int64_t c : kChannels) {
    const at::Tensor x = random_tensor("x", {kBatch, kTokens, c}, at::kDouble) * 1.5;
    expect_equal(x, c, at::kFloat, 5e-6, 4e-5);
    expect_equal(x, c, at::kDouble, 1e-12, 1e-11);
    expect_equal(x, c, at::kBFloat16, 0.004, 4e-5);
  }
}

TEST_P(NormOnGpu, TakesViewsAndExtremeRows) {
  for (const int64_t c : {3, 65, 768}) {
    at::Tensor x = random_tensor("x", {kBatch, c, kTokens}, at::kDouble).transpose(1, 2);
    expect_equal(x, c, at::kFloat, 5e-6, 4e-5);
    x.select(1, 0).mul_(1e4);
    x.select(1, 1).mul_(1e-8);
    x.select(1, 2).zero_();
    x.select(1, 3).fill_(3.7);
    expect_equal(x, c, at::kFloat, 1e-4, 1e-4);
  }
}

TEST_P(NormOnGpu, ManyRowsAndTheSameBitsEachTime) {
  const auto gpu = at::TensorOptions(at::Device(at::kCUDA, 0)).dtype(at::kFloat);
  const at::Tensor x = random_tensor("x", {kBatch, 4000, 127}), dy = random_tensor("dy", x.sizes());
  const Tensors p = parameters(127);
  const Tensors one = results(GetParam().fused, x, p, dy, gpu, gpu),
                two = results(GetParam().fused, x, p, dy, gpu, gpu);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_TRUE(same_bits(one[i], two[i])) << i;
  const auto cpu = at::TensorOptions(at::kCPU).dtype(at::kDouble);
  const Tensors expected = results(GetParam().composed, x, p, dy, cpu, cpu);
  EXPECT_LT(largest_difference(one[0], expected[0]), 1e-5);
  EXPECT_LT(largest_difference(one[1], expected[1]), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Norms, NormOnGpu, testing::ValuesIn(fused_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace autonorm::kernels
