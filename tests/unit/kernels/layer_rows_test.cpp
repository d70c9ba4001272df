// layer's and rms's row kernels (rows/row_kernels.h) past the caches beside those within them: the same bits.
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "core/kernels/row_driver.h"
#include "tests/unit/norms/tensors.h"

namespace autonorm::kernels {
namespace {

using norms::random_tensor;
using norms::same_bits;

struct Shape {
  RowElement type;
  bool centered, learned;
  int64_t rows, channels;
};

at::ScalarType data_type(RowElement type) {
  if (type == RowElement::kBFloat16) return at::kBFloat16;
  return type == RowElement::kFloat32 ? at::kFloat : at::kDouble;
}
at::ScalarType wide_type(RowElement type) { return type == RowElement::kFloat64 ? at::kDouble : at::kFloat; }

// Of rows that begin at cache lines, as streaming wants them.
std::vector<Shape> shapes() {
  std::vector<Shape> all;
  for (const RowElement type : {RowElement::kFloat32, RowElement::kBFloat16, RowElement::kFloat64}) {
    for (const bool centered : {true, false}) {
      for (const bool learned : {true, false}) {
        for (const int64_t rows : {1, 2, 3, 4, 9}) {
          for (const int64_t channels : {16, 32, 48, 96, 208, 1024}) {
            const auto bytes = channels * static_cast<int64_t>(c10::elementSize(data_type(type)));
            if (bytes % 64 == 0) all.push_back({type, centered, learned, rows, channels});
          }
        }
      }
    }
  }
  return all;
}

// Everything that both passes write. Rows begin at the second one of larger tensors, so that no kernel may start at 0.
std::vector<at::Tensor> passes(const Shape& shape, bool stream) {
  const int64_t n = shape.channels, all = shape.rows + 1;
  const auto wide = at::TensorOptions(wide_type(shape.type)), narrow = at::TensorOptions(data_type(shape.type));
  const at::Tensor x = random_tensor("x", {all, n}).to(narrow.dtype()),
                   dy = random_tensor("dy", {all, n}).to(narrow.dtype());
  const at::Tensor weight = random_tensor("weight", {n}).to(wide.dtype()),
                   bias = random_tensor("bias", {n}).to(wide.dtype());
  const at::Tensor y = at::zeros({all, n}, narrow), dx = at::zeros({all, n}, narrow), sums = at::zeros({2, n}, wide);
  const at::Tensor mean = at::zeros({all}, wide), rstd = at::zeros({all}, wide);
  LayerForward forward{.type = shape.type, .centered = shape.centered, .stream = stream, .channels = n, .eps = 1e-5};
  forward.x = x.const_data_ptr();
  forward.weight = shape.learned ? weight.const_data_ptr() : nullptr;
  forward.bias = shape.learned && shape.centered ? bias.const_data_ptr() : nullptr;
  forward.y = y.mutable_data_ptr();
  forward.mean = shape.centered ? mean.mutable_data_ptr() : nullptr;
  forward.rstd = rstd.mutable_data_ptr();
  row_kernels().layer_forward(forward, 1, all);
  LayerBackward backward{.type = shape.type, .centered = shape.centered, .stream = stream, .channels = n};
  backward.x = x.const_data_ptr();
  backward.dy = dy.const_data_ptr();
  backward.mean = forward.mean;
  backward.rstd = forward.rstd;
  backward.weight = forward.weight;
  backward.dx = dx.mutable_data_ptr();
  row_kernels().layer_backward(backward, 1, all, sums.mutable_data_ptr());
  return {y, mean, rstd, dx, sums};
}

TEST(LayerRows, PastTheCachesAreTheSameToTheBit) {
  for (const Shape& shape : shapes()) {
    const std::vector<at::Tensor> cached = passes(shape, false), streamed = passes(shape, true);
    for (size_t i = 0; i < cached.size(); ++i) {
      EXPECT_TRUE(same_bits(cached[i], streamed[i]))
          << "output " << i << ", type " << static_cast<int>(shape.type) << ", centered " << shape.centered << ", "
          << shape.rows << " rows of " << shape.channels;
    }
    EXPECT_NE(cached[3].select(0, shape.rows).abs().sum().item<double>(), 0);
  }
}

}  // namespace
}  // namespace autonorm::kernels
