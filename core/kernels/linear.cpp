#include "core/kernels/linear.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <torch/csrc/autograd/custom_function.h>

namespace autonorm::kernels {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using OneDnnLinear = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&,
                                std::string_view, c10::List<std::optional<at::Scalar>>,
                                std::optional<std::string_view>);

// None where LibTorch was built without oneDNN.
const std::optional<c10::TypedOperatorHandle<OneDnnLinear>>& onednn_linear() {
  static const auto found = [] {
    const auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
    return schema && at::hasMKLDNN() ? std::optional(schema->typed<OneDnnLinear>()) : std::nullopt;
  }();
  return found;
}

// Below this many products a call of oneDNN costs more than it brings (measured with 64 × 192 against 192 × 192).
constexpr int64_t kWorthIt = 256 * 192 * 192;

bool takes(const at::Tensor& t) {
  return t.is_cpu() && t.scalar_type() == at::kFloat && t.numel() > 0 &&
         !t.key_set().has(c10::DispatchKey::FuncTorchBatched);
}

at::Tensor rows(const at::Tensor& t) { return t.reshape({-1, t.size(-1)}); }  // [R, C]

struct OneDnnLinearFunction : torch::autograd::Function<OneDnnLinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    const at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    const at::Tensor y =
        onednn_linear()->call(rows(x), weight, bias, "none", c10::List<std::optional<at::Scalar>>(), "");  // [R, out]
    at::DimVector sizes(x.sizes());
    sizes.back() = weight.size(0);
    return y.view(sizes);
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor dy = rows(gradients[0]);  // [R, out]
    at::Tensor dx, dweight, dbias;
    if (context->needs_input_grad(0)) dx = kernels::linear(dy, weight.t(), std::nullopt).view(x.sizes());
    if (context->needs_input_grad(1)) dweight = at::mm(dy.t(), rows(x));
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) dbias = dy.sum(0);
    return {dx, dweight, dbias};
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias) {
  const bool fits = x.dim() >= 1 && weight.dim() == 2 && x.size(-1) == weight.size(1) &&
                    (!bias || (takes(*bias) && bias->dim() == 1 && bias->size(0) == weight.size(0)));
  if (!fits || x.numel() * weight.size(0) < kWorthIt || !takes(x) || !takes(weight) ||
      at::autocast::is_autocast_enabled(at::kCPU) || !at::globalContext().userEnabledMkldnn() || !onednn_linear()) {
    return at::linear(x, weight, bias);
  }
  return OneDnnLinearFunction::apply(x, weight, bias);
}

}  // namespace autonorm::kernels
