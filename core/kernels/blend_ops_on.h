// layer_dyt_blend of norm_ops.h, the same for every device. Device: as norm_ops_on.h, and add_rows_of_samples(row_gate,
// rows_per_sample, out): out[sample, k] = Σ over its rows of row_gate[row, k]; kBlendSums: how many sums of C elements
// its backward kernel keeps before dalpha.
#pragma once
#include "core/kernels/blend_shapes.h"
#include "core/kernels/norm_ops_on.h"

namespace autonorm::kernels {

template <class Device>
class BlendOps {
  using MaybeTensor = ops::MaybeTensor;
  using Tensor = ops::Tensor;

 public:
  static void add_to(torch::Library& library) {
    library.impl("layer_dyt_blend", blend);
    library.impl("layer_dyt_blend_backward", blend_backward);
  }

 private:
  template <class Arguments>
  static Arguments with_parameters(Arguments a, const BlendInputs& in, int64_t group) {
    const int64_t groups = in.shape.groups;
    a.alpha = of_group(in.alpha, group, groups);
    a.dyt_weight = of_group(in.dyt_weight, group, groups);
    a.dyt_bias = of_group(in.dyt_bias, group, groups);
    a.layer_weight = of_group(in.layer_weight, group, groups);
    a.layer_bias = of_group(in.layer_bias, group, groups);
    return a;
  }

  static ops::Three blend(const Tensor& x, const Tensor& gate, const Tensor& alpha, const Tensor& dyt_weight,
                          const Tensor& dyt_bias, const MaybeTensor& layer_weight, const MaybeTensor& layer_bias,
                          double eps) {
    const typename Device::Guard guard(x.device());
    const BlendInputs in = blend_inputs(x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias);
    Tensor y = empty_like_contiguous(in.x), mean = empty_rows(in.x), rstd = empty_rows(in.x);
    const BlendForward a{.type = row_element(in.x),
                         .stream = Device::streams(y),
                         .channels = in.shape.channels,
                         .rows_per_sample = in.rows_per_sample,
                         .eps = eps,
                         .x = data(in.x),
                         .gate = data(in.gate),
                         .y = y.mutable_data_ptr(),
                         .mean = mean.mutable_data_ptr(),
                         .rstd = rstd.mutable_data_ptr()};
    Device::forward(in.shape, [&](int64_t group) { return with_parameters(a, in, group); });
    return {y, mean, rstd};
  }

  static ops::Seven blend_backward(const Tensor& dy_any, const Tensor& x, const Tensor& mean_any,
                                   const Tensor& rstd_any, const Tensor& gate, const Tensor& alpha,
                                   const Tensor& dyt_weight, const Tensor& dyt_bias, const MaybeTensor& layer_weight,
                                   const MaybeTensor& layer_bias) {
    const typename Device::Guard guard(x.device());
    const BlendInputs in = blend_inputs(x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias);
    const Tensor dy = dy_any.contiguous(), mean = mean_any.contiguous(), rstd = rstd_any.contiguous();
    TORCH_CHECK(dy.sizes() == x.sizes() && dy.scalar_type() == x.scalar_type(), "dy and x must be alike");
    const at::TensorOptions wide = in.gate.options();
    Tensor dx = empty_like_contiguous(in.x), row_gate = at::empty({in.shape.all_rows(), 2}, wide);
    const BlendBackward a{.type = row_element(in.x),
                          .stream = Device::streams(dx),
                          .channels = in.shape.channels,
                          .rows_per_sample = in.rows_per_sample,
                          .dy = data(dy),
                          .x = data(in.x),
                          .mean = data(mean),
                          .rstd = data(rstd),
                          .gate = data(in.gate),
                          .dx = dx.mutable_data_ptr(),
                          .row_gate = row_gate.mutable_data_ptr()};
    const int64_t c = in.shape.channels;
    const Tensor sums = Device::backward(in.shape, Device::kBlendSums * c + 1, wide,
                                         [&](int64_t group) { return with_parameters(a, in, group); });
    Tensor dgate = at::empty(in.gate.sizes(), wide);
    Device::add_rows_of_samples(row_gate, in.rows_per_sample, dgate);
    const auto part = [&](int64_t index, const Tensor& like) {
      return like.defined() ? sums.narrow(1, index * c, like.size(-1)).reshape(like.sizes()) : Tensor();
    };
    return {dx,
            dgate,
            part(Device::kBlendSums, in.alpha),
            part(0, in.dyt_weight),
            part(1, in.dyt_bias),
            part(2, in.layer_weight),
            part(3, in.layer_bias)};
  }
};

}  // namespace autonorm::kernels
