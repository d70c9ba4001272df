#include "core/kernels/composed_norms.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/layer_norm.h>

namespace autonorm::kernels::composed {
namespace {

// x in the dtype that its norm computes in.
at::Tensor wide(const at::Tensor& x) { return x.scalar_type() == at::kDouble ? x : x.to(at::kFloat); }

at::Tensor affine(const at::Tensor& h, const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias) {
  if (!weight) return h;
  return bias ? at::addcmul(*bias, *weight, h) : h * *weight;
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                      const std::optional<at::Tensor>& bias, double eps) {
  return at::layer_norm(wide(x), {x.size(-1)}, weight, bias, eps).to(x.scalar_type());
}

at::Tensor rms_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight, double eps) {
  const at::Tensor from = wide(x);
  const at::Tensor y = from * (from.square().mean(-1, /*keepdim=*/true) + eps).rsqrt();
  return (weight ? y * *weight : y).to(x.scalar_type());
}

at::Tensor dyt(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& weight,
               const std::optional<at::Tensor>& bias) {
  return affine((wide(x) * alpha).tanh(), weight, bias).to(x.scalar_type());
}

at::Tensor derf(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& shift,
                const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias) {
  const at::Tensor z = wide(x) * alpha;
  return affine((shift ? z + *shift : z).erf(), weight, bias).to(x.scalar_type());
}

at::Tensor layer_dyt_blend(const at::Tensor& x, const at::Tensor& gate, const BlendParameters& p) {
  const at::Tensor from = wide(x);
  std::vector<int64_t> per_sample(static_cast<size_t>(x.dim()), 1);
  per_sample[0] = x.size(0);
  const at::Tensor on_dyt = gate.select(1, 0).reshape(per_sample), on_layer = gate.select(1, 1).reshape(per_sample);
  const at::Tensor first = on_dyt * dyt(from, p.alpha, p.dyt_weight, p.dyt_bias);
  return at::addcmul(first, on_layer, layer_norm(from, p.layer_weight, p.layer_bias, p.eps)).to(x.scalar_type());
}

}  // namespace autonorm::kernels::composed
