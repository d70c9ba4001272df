// The checked, contiguous inputs of layer_dyt_blend.
#pragma once
#include "core/kernels/norm_shapes.h"

namespace autonorm::kernels {

struct BlendInputs {
  at::Tensor x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias;
  RowShape shape;
  int64_t rows_per_sample;
};

inline BlendInputs blend_inputs(const at::Tensor& x_any, const at::Tensor& gate, const at::Tensor& alpha,
                                const at::Tensor& dyt_weight, const at::Tensor& dyt_bias,
                                const ops::MaybeTensor& layer_weight, const ops::MaybeTensor& layer_bias) {
  const at::Tensor x = x_any.contiguous();
  const int64_t channels = x.size(-1);
  BlendInputs in{.x = x,
                 .gate = parameter(x, gate, 2, "gate"),
                 .alpha = parameter(x, alpha, 1, "alpha"),
                 .dyt_weight = parameter(x, dyt_weight, channels, "dyt_weight"),
                 .dyt_bias = parameter(x, dyt_bias, channels, "dyt_bias"),
                 .layer_weight = parameter(x, layer_weight, channels, "layer_weight"),
                 .layer_bias = parameter(x, layer_bias, channels, "layer_bias"),
                 .shape = {},
                 .rows_per_sample = 1};
  TORCH_CHECK(in.layer_weight.defined() || !in.layer_bias.defined(), "a bias needs a weight");
  in.shape = row_shape(x, in.dyt_weight);
  for (const at::Tensor& p : {in.dyt_bias, in.layer_weight, in.layer_bias}) {
    TORCH_CHECK(!p.defined() || p.sizes() == in.dyt_weight.sizes(), "parameters of a blend differ in shape");
  }
  TORCH_CHECK(in.alpha.numel() == in.shape.groups, "alpha is one number for each dyt_weight");
  const int64_t samples = leading_product(x, in.gate.sizes(), "gate");
  in.rows_per_sample = samples == 0 ? 1 : std::max<int64_t>(1, in.shape.all_rows() / samples);
  return in;
}

}  // namespace autonorm::kernels
