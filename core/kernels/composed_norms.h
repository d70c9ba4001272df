// The normalizers of norms.h made of torch's own operators: the reference that the fused ones are tested and measured
// against, and what runs where there is no fused kernel. Same arguments, any device and floating dtype.
#pragma once
#include "core/kernels/norms.h"

namespace autonorm::kernels::composed {

at::Tensor layer_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight,
                      const std::optional<at::Tensor>& bias, double eps);
at::Tensor rms_norm(const at::Tensor& x, const std::optional<at::Tensor>& weight, double eps);
at::Tensor dyt(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& weight,
               const std::optional<at::Tensor>& bias);
at::Tensor derf(const at::Tensor& x, const at::Tensor& alpha, const std::optional<at::Tensor>& shift,
                const std::optional<at::Tensor>& weight, const std::optional<at::Tensor>& bias);
at::Tensor layer_dyt_blend(const at::Tensor& x, const at::Tensor& gate, const BlendParameters& parameters);

}  // namespace autonorm::kernels::composed
