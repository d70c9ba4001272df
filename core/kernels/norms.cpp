#include "core/kernels/norms.h"

#include <initializer_list>

#include "core/kernels/composed_norms.h"
#include "core/kernels/norm_ops.h"

namespace autonorm::kernels {
namespace {

using MaybeTensor = std::optional<at::Tensor>;

[[maybe_unused]] const bool kRegistered = (keep_norm_autograd(), keep_norm_batching(), keep_norm_ops_cpu(), true);

template <class Op>
bool has_kernel(const at::Tensor& x) {
  if (x.is_cpu()) return true;
  static const bool on_cuda = ops::handle<Op>().hasKernelForDispatchKey(c10::DispatchKey::CUDA);
  return x.is_cuda() && on_cuda;
}

template <class Op>
bool fusable(const at::Tensor& x, std::initializer_list<const MaybeTensor> parameters) {
  const auto type = x.scalar_type();
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kDouble) return false;
  const auto wide = type == at::kDouble ? at::kDouble : at::kFloat;
  for (const MaybeTensor& p : parameters) {
    if (p && p->scalar_type() != wide) return false;
  }
  return has_kernel<Op>(x);
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, const MaybeTensor& weight, const MaybeTensor& bias, double eps) {
  if (!fusable<ops::LayerNorm>(x, {weight, bias})) return composed::layer_norm(x, weight, bias, eps);
  return std::get<0>(ops::handle<ops::LayerNorm>().call(x, weight, bias, eps));
}

at::Tensor rms_norm(const at::Tensor& x, const MaybeTensor& weight, double eps) {
  if (!fusable<ops::RmsNorm>(x, {weight})) return composed::rms_norm(x, weight, eps);
  return std::get<0>(ops::handle<ops::RmsNorm>().call(x, weight, eps));
}

at::Tensor dyt(const at::Tensor& x, const at::Tensor& alpha, const MaybeTensor& weight, const MaybeTensor& bias) {
  if (!fusable<ops::Dyt>(x, {alpha, weight, bias})) return composed::dyt(x, alpha, weight, bias);
  return ops::handle<ops::Dyt>().call(x, alpha, weight, bias);
}

at::Tensor derf(const at::Tensor& x, const at::Tensor& alpha, const MaybeTensor& shift, const MaybeTensor& weight,
                const MaybeTensor& bias) {
  if (!fusable<ops::Derf>(x, {alpha, shift, weight, bias})) return composed::derf(x, alpha, shift, weight, bias);
  return ops::handle<ops::Derf>().call(x, alpha, shift, weight, bias);
}

at::Tensor layer_dyt_blend(const at::Tensor& x, const at::Tensor& gate, const BlendParameters& p) {
  if (!fusable<ops::Blend>(x, {gate, p.alpha, p.dyt_weight, p.dyt_bias, p.layer_weight, p.layer_bias})) {
    return composed::layer_dyt_blend(x, gate, p);
  }
  return std::get<0>(
      ops::handle<ops::Blend>().call(x, gate, p.alpha, p.dyt_weight, p.dyt_bias, p.layer_weight, p.layer_bias, p.eps));
}

}  // namespace autonorm::kernels
