// layer, rms, dyt and derf of norm_ops.h: arguments of the row kernels, made from tensors, the same for every device.
//
// Device: a Guard makes a tensor's device the current one; streams(out) says whether a result bypasses caches;
// forward(shape, arguments) runs the kernel of the arguments' type over all rows of each group; backward(shape, length,
// options, arguments) as well, and returns the kernel's sums of each group, [groups, length].
#pragma once
#include <torch/library.h>

#include "core/kernels/norm_ops.h"
#include "core/kernels/norm_shapes.h"

namespace autonorm::kernels {

inline const void* of_group(const at::Tensor& p, int64_t group, int64_t groups) {
  if (!p.defined()) return nullptr;
  return static_cast<const char*>(p.const_data_ptr()) +
         group * (p.numel() / groups) * static_cast<int64_t>(p.element_size());
}

template <class Device>
class NormOps {
  using MaybeTensor = ops::MaybeTensor;
  using Tensor = ops::Tensor;

 public:
  static void add_to(torch::Library& library) {
    library.impl("layer_norm", layer_norm);
    library.impl("layer_norm_backward", layer_norm_backward);
    library.impl("rms_norm", rms_norm);
    library.impl("rms_norm_backward", rms_norm_backward);
    library.impl("dyt", dyt);
    library.impl("dyt_backward", dyt_backward);
    library.impl("derf", derf);
    library.impl("derf_backward", derf_backward);
  }

 private:
  static at::TensorOptions wide_options(const Tensor& x) { return x.options().dtype(wide_type(x.scalar_type())); }

  // A contiguous tensor in the memory of `sums`, from element `begin` on: a view without the cost of an operator.
  static Tensor beside(const Tensor& sums, at::IntArrayRef sizes, int64_t begin) {
    Tensor view = at::detail::make_tensor<at::TensorImpl>(at::TensorImpl::VIEW, c10::Storage(sums.storage()),
                                                          sums.key_set(), sums.dtype());
    view.unsafeGetTensorImpl()->set_storage_offset(begin);
    view.unsafeGetTensorImpl()->set_sizes_contiguous(sizes);
    return view;
  }

  // Sums [begin, begin + length) of each group in the shape of `like`, which is contiguous; nothing for nothing.
  static Tensor part(const Tensor& sums, int64_t begin, int64_t length, const Tensor& like) {
    if (!like.defined()) return {};
    if (sums.size(0) == 1) return beside(sums, like.sizes(), begin);
    return sums.narrow(1, begin, length).reshape(like.sizes());
  }

  static ops::Three layer_forward(const Tensor& x_any, const MaybeTensor& weight_any, const MaybeTensor& bias_any,
                                  double eps, bool centered) {
    const typename Device::Guard guard(x_any.device());
    const Tensor x = x_any.contiguous();
    const Tensor weight = parameter(x, weight_any, x.size(-1), "weight");
    const Tensor bias = parameter(x, bias_any, x.size(-1), "bias");
    TORCH_CHECK(weight.defined() || !bias.defined(), "a bias needs a weight");
    TORCH_CHECK(!bias.defined() || bias.sizes() == weight.sizes(), "weight and bias differ in shape");
    const RowShape shape = row_shape(x, weight);
    Tensor y = empty_like_contiguous(x), rstd = empty_rows(x), mean;
    if (centered) mean = empty_rows(x);
    LayerForward a{.type = row_element(x),
                   .centered = centered,
                   .stream = Device::streams(y),
                   .channels = shape.channels,
                   .eps = eps,
                   .x = data(x),
                   .y = y.mutable_data_ptr(),
                   .mean = centered ? mean.mutable_data_ptr() : nullptr,
                   .rstd = rstd.mutable_data_ptr()};
    Device::forward(shape, [&](int64_t group) {
      a.weight = of_group(weight, group, shape.groups);
      a.bias = of_group(bias, group, shape.groups);
      return a;
    });
    return {y, mean, rstd};
  }

  static ops::Three layer_backward(const Tensor& dy_any, const Tensor& x_any, const Tensor& mean_any,
                                   const Tensor& rstd_any, const MaybeTensor& weight_any, bool centered) {
    const typename Device::Guard guard(x_any.device());
    const Tensor x = x_any.contiguous(), dy = dy_any.contiguous(), rstd = rstd_any.contiguous();
    const Tensor mean = centered ? mean_any.contiguous() : Tensor();
    TORCH_CHECK(dy.sizes() == x.sizes() && dy.scalar_type() == x.scalar_type(), "dy and x must be alike");
    const Tensor weight = parameter(x, weight_any, x.size(-1), "weight");
    const RowShape shape = row_shape(x, weight);
    Tensor dx = empty_like_contiguous(x);
    const LayerBackward a{.type = row_element(x),
                          .centered = centered,
                          .stream = Device::streams(dx),
                          .channels = shape.channels,
                          .dy = data(dy),
                          .x = data(x),
                          .mean = data(mean),
                          .rstd = data(rstd),
                          .dx = dx.mutable_data_ptr()};
    const Tensor sums = Device::backward(shape, 2 * shape.channels, wide_options(x), [&](int64_t group) {
      LayerBackward own = a;
      own.weight = of_group(weight, group, shape.groups);
      return own;
    });
    if (!weight.defined()) return {dx, Tensor(), Tensor()};
    return {dx, part(sums, 0, shape.channels, weight), part(sums, shape.channels, shape.channels, weight)};
  }

  static ops::Three layer_norm(const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps) {
    return layer_forward(x, weight, bias, eps, true);
  }
  static ops::Three layer_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                        const MaybeTensor& weight) {
    return layer_backward(dy, x, mean, rstd, weight, true);
  }
  static ops::Two rms_norm(const Tensor& x, const MaybeTensor& weight, double eps) {
    const auto [y, mean, rstd] = layer_forward(x, weight, {}, eps, false);
    return {y, rstd};
  }
  static ops::Two rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& rstd, const MaybeTensor& weight) {
    const auto [dx, dweight, dbias] = layer_backward(dy, x, {}, rstd, weight, false);
    return {dx, dweight};
  }

  static Tensor squash_forward(Squash squash, const Tensor& x_any, const Tensor& alpha_any,
                               const MaybeTensor& shift_any, const MaybeTensor& weight_any,
                               const MaybeTensor& bias_any) {
    const typename Device::Guard guard(x_any.device());
    const Tensor x = x_any.contiguous();
    const Tensor alpha = parameter(x, alpha_any, 1, "alpha"), shift = parameter(x, shift_any, 1, "shift");
    const Tensor weight = parameter(x, weight_any, x.size(-1), "weight");
    const Tensor bias = parameter(x, bias_any, x.size(-1), "bias");
    const RowShape shape = row_shape(x, alpha);
    TORCH_CHECK(weight.defined() || !bias.defined(), "a bias needs a weight");
    TORCH_CHECK(!bias.defined() || bias.sizes() == weight.sizes(), "weight and bias differ in shape");
    TORCH_CHECK((!weight.defined() || weight.numel() == shape.groups * shape.channels) &&
                    (!shift.defined() || shift.numel() == shape.groups),
                "alpha and shift are one number for each weight");
    Tensor y = empty_like_contiguous(x);
    SquashForward a{.type = row_element(x),
                    .squash = squash,
                    .stream = Device::streams(y),
                    .channels = shape.channels,
                    .x = data(x),
                    .y = y.mutable_data_ptr()};
    Device::forward(shape, [&](int64_t group) {
      a.alpha = of_group(alpha, group, shape.groups);
      a.shift = of_group(shift, group, shape.groups);
      a.weight = of_group(weight, group, shape.groups);
      a.bias = of_group(bias, group, shape.groups);
      return a;
    });
    return y;
  }

  // dx, dalpha, dshift, dweight, dbias
  static ops::Five squash_backward(Squash squash, const Tensor& dy_any, const Tensor& x_any, const Tensor& alpha_any,
                                   const MaybeTensor& shift_any, const MaybeTensor& weight_any) {
    const typename Device::Guard guard(x_any.device());
    const Tensor x = x_any.contiguous(), dy = dy_any.contiguous();
    TORCH_CHECK(dy.sizes() == x.sizes() && dy.scalar_type() == x.scalar_type(), "dy and x must be alike");
    const Tensor alpha = parameter(x, alpha_any, 1, "alpha"), shift = parameter(x, shift_any, 1, "shift");
    const Tensor weight = parameter(x, weight_any, x.size(-1), "weight");
    const RowShape shape = row_shape(x, alpha);
    Tensor dx = empty_like_contiguous(x);
    const SquashBackward a{.type = row_element(x),
                           .squash = squash,
                           .stream = Device::streams(dx),
                           .channels = shape.channels,
                           .dy = data(dy),
                           .x = data(x),
                           .dx = dx.mutable_data_ptr()};
    const int64_t c = shape.channels;
    const Tensor sums = Device::backward(shape, 2 * c + 2, wide_options(x), [&](int64_t group) {
      SquashBackward own = a;
      own.alpha = of_group(alpha, group, shape.groups);
      own.shift = of_group(shift, group, shape.groups);
      own.weight = of_group(weight, group, shape.groups);
      return own;
    });
    return {dx, part(sums, 2 * c, 1, alpha), part(sums, 2 * c + 1, 1, shift), part(sums, 0, c, weight),
            part(sums, c, c, weight)};
  }

  static Tensor dyt(const Tensor& x, const Tensor& alpha, const MaybeTensor& weight, const MaybeTensor& bias) {
    return squash_forward(Squash::kTanh, x, alpha, {}, weight, bias);
  }
  static ops::Four dyt_backward(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& weight) {
    const auto [dx, dalpha, dshift, dweight, dbias] = squash_backward(Squash::kTanh, dy, x, alpha, {}, weight);
    return {dx, dalpha, dweight, dbias};
  }
  static Tensor derf(const Tensor& x, const Tensor& alpha, const MaybeTensor& shift, const MaybeTensor& weight,
                     const MaybeTensor& bias) {
    return squash_forward(Squash::kErf, x, alpha, shift, weight, bias);
  }
  static ops::Five derf_backward(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& shift,
                                 const MaybeTensor& weight) {
    return squash_backward(Squash::kErf, dy, x, alpha, shift, weight);
  }
};

}  // namespace autonorm::kernels
