// Schemas of the fused norms and their first derivatives.
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "core/kernels/norm_ops.h"

namespace autonorm::kernels {
namespace {

using ops::handle;
using ops::MaybeTensor;
using ops::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

TORCH_LIBRARY_FRAGMENT(autonorm, library) {
  library.def("layer_norm(Tensor x, Tensor? weight, Tensor? bias, float eps) -> (Tensor, Tensor, Tensor)");
  library.def(
      "layer_norm_backward(Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor? weight) -> (Tensor, Tensor, Tensor)");
  library.def("rms_norm(Tensor x, Tensor? weight, float eps) -> (Tensor, Tensor)");
  library.def("rms_norm_backward(Tensor dy, Tensor x, Tensor rstd, Tensor? weight) -> (Tensor, Tensor)");
  library.def("dyt(Tensor x, Tensor alpha, Tensor? weight, Tensor? bias) -> Tensor");
  library.def("dyt_backward(Tensor dy, Tensor x, Tensor alpha, Tensor? weight) -> (Tensor, Tensor, Tensor, Tensor)");
  library.def("derf(Tensor x, Tensor alpha, Tensor? shift, Tensor? weight, Tensor? bias) -> Tensor");
  library.def(
      "derf_backward(Tensor dy, Tensor x, Tensor alpha, Tensor? shift, Tensor? weight) -> "
      "(Tensor, Tensor, Tensor, Tensor, Tensor)");
  library.def(
      "layer_dyt_blend(Tensor x, Tensor gate, Tensor alpha, Tensor dyt_weight, Tensor dyt_bias, Tensor? layer_weight, "
      "Tensor? layer_bias, float eps) -> (Tensor, Tensor, Tensor)");
  library.def(
      "layer_dyt_blend_backward(Tensor dy, Tensor x, Tensor mean, Tensor rstd, Tensor gate, Tensor alpha, "
      "Tensor dyt_weight, Tensor dyt_bias, Tensor? layer_weight, Tensor? layer_bias) -> "
      "(Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)");
}

bool learns(const Tensor& t) { return t.defined() && t.requires_grad(); }
bool learns(const MaybeTensor& t) { return t && learns(*t); }

Tensor value(const MaybeTensor& t) { return t ? *t : Tensor(); }
MaybeTensor maybe(const Tensor& t) { return t.defined() ? MaybeTensor(t) : MaybeTensor(); }

// The operator itself, below autograd.
template <class Op, class... Arguments>
auto compute(const Arguments&... arguments) {
  const at::AutoDispatchBelowADInplaceOrView below;
  return handle<Op>().call(arguments...);
}

// A backward operator, from within a backward pass: straight to the kernel, unless somebody differentiates that too.
template <class Op, class... Arguments>
auto differentiate(const Arguments&... arguments) {
  return at::GradMode::is_enabled() ? handle<Op>().call(arguments...) : compute<Op>(arguments...);
}

// The statistics leave by `also`, not as results: a result costs a place in the graph and zeros as its gradient.
struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias,
                        double eps, ops::Two* also) {
    auto [y, mean, rstd] = compute<ops::LayerNorm>(x, weight, bias, eps);
    context->save_for_backward({x, mean, rstd, value(weight)});
    context->saved_data["bias"] = bias.has_value();
    *also = {mean, rstd};
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto saved = context->get_saved_variables();
    auto [dx, dweight, dbias] =
        differentiate<ops::LayerNormBackward>(dy[0], saved[0], saved[1], saved[2], maybe(saved[3]));
    return {dx, dweight, context->saved_data["bias"].toBool() ? dbias : Tensor(), Tensor(), Tensor()};
  }
};

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const MaybeTensor& weight, double eps,
                        Tensor* also) {
    auto [y, rstd] = compute<ops::RmsNorm>(x, weight, eps);
    context->save_for_backward({x, rstd, value(weight)});
    *also = rstd;
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto saved = context->get_saved_variables();
    auto [dx, dweight] = differentiate<ops::RmsNormBackward>(dy[0], saved[0], saved[1], maybe(saved[2]));
    return {dx, dweight, Tensor(), Tensor()};
  }
};

struct DytFunction : torch::autograd::Function<DytFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& alpha, const MaybeTensor& weight,
                        const MaybeTensor& bias) {
    context->save_for_backward({x, alpha, value(weight)});
    context->saved_data["bias"] = bias.has_value();
    return compute<ops::Dyt>(x, alpha, weight, bias);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto saved = context->get_saved_variables();
    auto [dx, dalpha, dweight, dbias] = differentiate<ops::DytBackward>(dy[0], saved[0], saved[1], maybe(saved[2]));
    return {dx, dalpha, dweight, context->saved_data["bias"].toBool() ? dbias : Tensor()};
  }
};

struct DerfFunction : torch::autograd::Function<DerfFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& alpha, const MaybeTensor& shift,
                        const MaybeTensor& weight, const MaybeTensor& bias) {
    context->save_for_backward({x, alpha, value(shift), value(weight)});
    context->saved_data["bias"] = bias.has_value();
    return compute<ops::Derf>(x, alpha, shift, weight, bias);
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto saved = context->get_saved_variables();
    auto [dx, dalpha, dshift, dweight, dbias] =
        differentiate<ops::DerfBackward>(dy[0], saved[0], saved[1], maybe(saved[2]), maybe(saved[3]));
    return {dx, dalpha, dshift, dweight, context->saved_data["bias"].toBool() ? dbias : Tensor()};
  }
};

struct BlendFunction : torch::autograd::Function<BlendFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& gate, const Tensor& alpha,
                        const Tensor& dyt_weight, const Tensor& dyt_bias, const MaybeTensor& layer_weight,
                        const MaybeTensor& layer_bias, double eps, ops::Two* also) {
    auto [y, mean, rstd] = compute<ops::Blend>(x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias, eps);
    context->save_for_backward(
        {x, mean, rstd, gate, alpha, dyt_weight, dyt_bias, value(layer_weight), value(layer_bias)});
    *also = {mean, rstd};
    return y;
  }
  static variable_list backward(AutogradContext* context, variable_list dy) {
    const auto s = context->get_saved_variables();
    auto [dx, dgate, dalpha, ddyt_weight, ddyt_bias, dlayer_weight, dlayer_bias] =
        differentiate<ops::BlendBackward>(dy[0], s[0], s[1], s[2], s[3], s[4], s[5], s[6], maybe(s[7]), maybe(s[8]));
    return {dx, dgate, dalpha, ddyt_weight, ddyt_bias, dlayer_weight, dlayer_bias, Tensor(), Tensor()};
  }
};

ops::Three layer_norm_autograd(const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps) {
  if (!at::GradMode::is_enabled() || !(learns(x) || learns(weight) || learns(bias))) {
    return compute<ops::LayerNorm>(x, weight, bias, eps);
  }
  ops::Two also;
  const Tensor y = LayerNormFunction::apply(x, weight, bias, eps, &also);
  return std::tuple_cat(std::tuple(y), also);
}

ops::Two rms_norm_autograd(const Tensor& x, const MaybeTensor& weight, double eps) {
  if (!at::GradMode::is_enabled() || !(learns(x) || learns(weight))) return compute<ops::RmsNorm>(x, weight, eps);
  Tensor rstd;
  const Tensor y = RmsNormFunction::apply(x, weight, eps, &rstd);
  return {y, rstd};
}

Tensor dyt_autograd(const Tensor& x, const Tensor& alpha, const MaybeTensor& weight, const MaybeTensor& bias) {
  return DytFunction::apply(x, alpha, weight, bias);
}

Tensor derf_autograd(const Tensor& x, const Tensor& alpha, const MaybeTensor& shift, const MaybeTensor& weight,
                     const MaybeTensor& bias) {
  return DerfFunction::apply(x, alpha, shift, weight, bias);
}

ops::Three blend_autograd(const Tensor& x, const Tensor& gate, const Tensor& alpha, const Tensor& dyt_weight,
                          const Tensor& dyt_bias, const MaybeTensor& layer_weight, const MaybeTensor& layer_bias,
                          double eps) {
  ops::Two also;
  const Tensor y = BlendFunction::apply(x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias, eps, &also);
  return std::tuple_cat(std::tuple(y), also);
}

// The backward operators. They have no derivatives: asking for one must not give a silent zero.
template <class Op, class Signature>
struct Once;
template <class Op, class Result, class... Arguments>
struct Once<Op, Result(Arguments...)> {
  static Result call(Arguments... arguments) {
    TORCH_CHECK_NOT_IMPLEMENTED(!at::GradMode::is_enabled() || !(learns(arguments) || ...), Op::kName,
                                " has no second derivative; use the composed form (core/kernels/composed_norms.h)");
    return compute<Op>(arguments...);
  }
};
template <class Op>
constexpr auto once = &Once<Op, typename Op::Signature>::call;

TORCH_LIBRARY_IMPL(autonorm, Autograd, library) {
  library.impl("layer_norm", layer_norm_autograd);
  library.impl("rms_norm", rms_norm_autograd);
  library.impl("dyt", dyt_autograd);
  library.impl("derf", derf_autograd);
  library.impl("layer_dyt_blend", blend_autograd);
  library.impl("layer_norm_backward", once<ops::LayerNormBackward>);
  library.impl("rms_norm_backward", once<ops::RmsNormBackward>);
  library.impl("dyt_backward", once<ops::DytBackward>);
  library.impl("derf_backward", once<ops::DerfBackward>);
  library.impl("layer_dyt_blend_backward", once<ops::BlendBackward>);
}

}  // namespace

void keep_norm_autograd() {}

}  // namespace autonorm::kernels
