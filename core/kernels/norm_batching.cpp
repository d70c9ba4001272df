// vmap over the fused norms. The mapped axis becomes the leading axis of x, and of all parameters if it is an axis of
// one of them: shapes that the operators take (norm_ops.h), so that each call stays one call.
#include <ATen/functorch/BatchedTensorImpl.h>
#include <ATen/functorch/DynamicLayer.h>
#include <ATen/functorch/PlumbingHelper.h>
#include <torch/library.h>

#include <array>

#include "core/kernels/norm_ops.h"

namespace autonorm::kernels {
namespace {

using ops::handle;
using ops::MaybeTensor;
using ops::Tensor;

bool has(const Tensor& t) { return t.defined(); }
bool has(const MaybeTensor& t) { return t && t->defined(); }
const Tensor& get(const Tensor& t) { return t; }
const Tensor& get(const MaybeTensor& t) { return *t; }

// The innermost vmap, during one operator call.
class MappedAxis {
 public:
  template <class... Tensors>
  explicit MappedAxis(const Tensors&... all) : level_(at::functorch::maybeCurrentDynamicLayer()->layerId()) {
    (note_size(all), ...);
  }

  template <class Any>
  bool in(const Any& t) const {
    return has(t) && std::get<1>(at::functorch::unwrapTensorAtLevel(get(t), level_)).has_value();
  }
  // t with the mapped axis in front; repeated along it, without copies, if it has none.
  Tensor lead(const Tensor& t) const {
    const auto [value, axis] = at::functorch::unwrapTensorAtLevel(t, level_);
    return axis ? value.movedim(*axis, 0) : value.unsqueeze(0).expand_symint(with_size(value));
  }
  MaybeTensor lead(const MaybeTensor& t) const { return has(t) ? MaybeTensor(lead(get(t))) : t; }
  // A parameter: as it is, unless `everywhere`.
  Tensor parameter(const Tensor& t, bool everywhere) const { return everywhere ? lead(t) : t; }
  MaybeTensor parameter(const MaybeTensor& t, bool everywhere) const { return everywhere ? lead(t) : t; }

  Tensor wrap(const Tensor& t) const { return t.defined() ? at::functorch::makeBatched(t, 0, level_) : t; }
  template <class... Tensors>
  std::tuple<Tensors...> wrap(const std::tuple<Tensors...>& all) const {
    return std::apply([this](const auto&... t) { return std::make_tuple(wrap(t)...); }, all);
  }

 private:
  template <class Any>
  void note_size(const Any& t) {
    if (!has(t)) return;
    const auto [value, axis] = at::functorch::unwrapTensorAtLevel(get(t), level_);
    if (axis) size_ = value.sym_size(*axis);
  }
  c10::SymDimVector with_size(const Tensor& t) const {
    c10::SymDimVector sizes(t.sym_sizes().begin(), t.sym_sizes().end());
    sizes.insert(sizes.begin(), size_);
    return sizes;
  }

  int64_t level_;
  c10::SymInt size_ = 1;
};

// Below this level, so that the operators see the unwrapped tensors.
using BelowVmap = c10::impl::ExcludeDispatchKeyGuard;
constexpr auto kVmap = c10::DispatchKey::FuncTorchBatched;

ops::Three layer_norm_rule(const Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(x, weight, bias);
  const bool each = axis.in(weight) || axis.in(bias);
  return axis.wrap(
      handle<ops::LayerNorm>().call(axis.lead(x), axis.parameter(weight, each), axis.parameter(bias, each), eps));
}

ops::Three layer_norm_backward_rule(const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                                    const MaybeTensor& weight) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(dy, x, mean, rstd, weight);
  return axis.wrap(handle<ops::LayerNormBackward>().call(axis.lead(dy), axis.lead(x), axis.lead(mean), axis.lead(rstd),
                                                         axis.lead(weight)));
}

ops::Two rms_norm_rule(const Tensor& x, const MaybeTensor& weight, double eps) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(x, weight);
  return axis.wrap(handle<ops::RmsNorm>().call(axis.lead(x), axis.parameter(weight, axis.in(weight)), eps));
}

ops::Two rms_norm_backward_rule(const Tensor& dy, const Tensor& x, const Tensor& rstd, const MaybeTensor& weight) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(dy, x, rstd, weight);
  return axis.wrap(
      handle<ops::RmsNormBackward>().call(axis.lead(dy), axis.lead(x), axis.lead(rstd), axis.lead(weight)));
}

Tensor dyt_rule(const Tensor& x, const Tensor& alpha, const MaybeTensor& weight, const MaybeTensor& bias) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(x, alpha, weight, bias);
  const bool each = axis.in(alpha) || axis.in(weight) || axis.in(bias);
  return axis.wrap(handle<ops::Dyt>().call(axis.lead(x), axis.parameter(alpha, each), axis.parameter(weight, each),
                                           axis.parameter(bias, each)));
}

ops::Four dyt_backward_rule(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& weight) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(dy, x, alpha, weight);
  return axis.wrap(handle<ops::DytBackward>().call(axis.lead(dy), axis.lead(x), axis.lead(alpha), axis.lead(weight)));
}

Tensor derf_rule(const Tensor& x, const Tensor& alpha, const MaybeTensor& shift, const MaybeTensor& weight,
                 const MaybeTensor& bias) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(x, alpha, shift, weight, bias);
  const bool each = axis.in(alpha) || axis.in(shift) || axis.in(weight) || axis.in(bias);
  return axis.wrap(handle<ops::Derf>().call(axis.lead(x), axis.parameter(alpha, each), axis.parameter(shift, each),
                                            axis.parameter(weight, each), axis.parameter(bias, each)));
}

ops::Five derf_backward_rule(const Tensor& dy, const Tensor& x, const Tensor& alpha, const MaybeTensor& shift,
                             const MaybeTensor& weight) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(dy, x, alpha, shift, weight);
  return axis.wrap(handle<ops::DerfBackward>().call(axis.lead(dy), axis.lead(x), axis.lead(alpha), axis.lead(shift),
                                                    axis.lead(weight)));
}

ops::Three blend_rule(const Tensor& x, const Tensor& gate, const Tensor& alpha, const Tensor& dyt_weight,
                      const Tensor& dyt_bias, const MaybeTensor& layer_weight, const MaybeTensor& layer_bias,
                      double eps) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(x, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias);
  const bool each =
      axis.in(alpha) || axis.in(dyt_weight) || axis.in(dyt_bias) || axis.in(layer_weight) || axis.in(layer_bias);
  return axis.wrap(handle<ops::Blend>().call(
      axis.lead(x), axis.lead(gate), axis.parameter(alpha, each), axis.parameter(dyt_weight, each),
      axis.parameter(dyt_bias, each), axis.parameter(layer_weight, each), axis.parameter(layer_bias, each), eps));
}

ops::Seven blend_backward_rule(const Tensor& dy, const Tensor& x, const Tensor& mean, const Tensor& rstd,
                               const Tensor& gate, const Tensor& alpha, const Tensor& dyt_weight,
                               const Tensor& dyt_bias, const MaybeTensor& layer_weight, const MaybeTensor& layer_bias) {
  const BelowVmap below(kVmap);
  const MappedAxis axis(dy, x, mean, rstd, gate, alpha, dyt_weight, dyt_bias, layer_weight, layer_bias);
  return axis.wrap(handle<ops::BlendBackward>().call(
      axis.lead(dy), axis.lead(x), axis.lead(mean), axis.lead(rstd), axis.lead(gate), axis.lead(alpha),
      axis.lead(dyt_weight), axis.lead(dyt_bias), axis.lead(layer_weight), axis.lead(layer_bias)));
}

TORCH_LIBRARY_IMPL(autonorm, FuncTorchBatched, library) {
  library.impl("layer_norm", layer_norm_rule);
  library.impl("layer_norm_backward", layer_norm_backward_rule);
  library.impl("rms_norm", rms_norm_rule);
  library.impl("rms_norm_backward", rms_norm_backward_rule);
  library.impl("dyt", dyt_rule);
  library.impl("dyt_backward", dyt_backward_rule);
  library.impl("derf", derf_rule);
  library.impl("derf_backward", derf_backward_rule);
  library.impl("layer_dyt_blend", blend_rule);
  library.impl("layer_dyt_blend_backward", blend_backward_rule);
}

}  // namespace

void keep_norm_batching() {}

}  // namespace autonorm::kernels
