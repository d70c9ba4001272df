// Fused normalizers:  one pass over memory instead of one per elementary operation, forward and backward.
//   layer_norm       y = (x − μ) / √(σ² + eps) ⊙ weight + bias
//   rms_norm         y = x / √(mean(x²) + eps) ⊙ weight
//   dyt              y = weight ⊙ tanh(alpha · x) + bias
//   derf             y = weight ⊙ erf(alpha · x + shift) + bias
//   layer_dyt_blend  y = w₀ · dyt(x) + w₁ · layer_norm(x), w per sample
//
// x [..., C] float32, float64 or bfloat16, any strides; parameters [C], alpha and shift [1]; gate [B, 2] for x [B, ...,
// C]. Arithmetic is float32 (float64 for float64 x), which is also the dtype of parameters and gate; y has the dtype of
// x.
//
// Each is an operator of the dispatcher ("autonorm::layer_norm", …) with kernels for CPU (rows/) and, when the CUDA
// part is loaded, CUDA; with first derivatives; and with rules for vmap. Where there is no such kernel (other devices,
// float16, parameters of another dtype) these functions compute the composed form of composed_norms.h.
//
// On a CPU the result depends on the arguments and at::get_cpu_capability() alone: sums are added in a fixed order for
// any number of threads. With w = (0, 1) the blend equals layer_norm bit for bit.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace autonorm::kernels {

// An absent weight is 1, an absent bias or shift 0. Without a weight there is no bias.
at::Tensor layer_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                      const std::optional<at::Tensor>& bias, double eps);
at::Tensor rms_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight, double eps);
at::Tensor dyt(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& weight,
               const std::optional<at::Tensor>& bias);
at::Tensor derf(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& shift,
                const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias);

struct BlendParameters {
  at::Tensor alpha, dyt_weight, dyt_bias;              // [1], [C], [C]
  std::optional<at::Tensor> layer_weight, layer_bias;  // [C]
  double eps = 1e-5;
};
at::Tensor layer_dyt_blend(const at::Tensor& x, const at::Tensor& gate, const BlendParameters& parameters);

}  // namespace autonorm::kernels
