// Affine map  y = x · weightᵀ + bias  over the last dimension, on the fastest matrix product that this machine has for
// it.
//
// On a CPU in float32 the forward pass and the gradient of x go through oneDNN, which adds the bias in the product and
// is up to 1.3× as fast as the BLAS behind at::linear on machines where the latter has no kernel of its own (libtorch's
// MKL on AMD); the gradient of the weight stays with BLAS, which is faster there. Everything else is at::linear: other
// devices and types, autocast, vmap, small products. Differentiable twice.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace autonorm::kernels {

// x [..., in], weight [out, in], bias [out] or none → [..., out]. Shapes must fit; at::linear's errors otherwise.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const std::optional<at::Tensor>& bias);

}  // namespace autonorm::kernels
