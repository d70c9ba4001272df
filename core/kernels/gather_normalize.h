// A batch from a data set that is resident as bytes:  out[i] = (images[indices[i]] / scale − 0.5) / 0.5
//
// One pass instead of the five of index_select, to, div, sub, div. Each element is computed in float32 by exactly this
// formula, then rounded to `dtype`, so CPU and CUDA agree bit for bit. The CUDA kernel comes with the CUDA part
// (cuda_part.h).
#pragma once
#include <ATen/core/Tensor.h>

namespace autonorm::kernels {

// images [N, C, H, W] uint8, indices [B] int64 in [0, N), both on one device; scale > 0; dtype float32 or bfloat16.
// → [B, C, H, W] of `dtype` on that device. Throws c10::Error when the arguments break this contract.
at::Tensor gather_normalize(const at::Tensor& images, const at::Tensor& indices, double scale, at::ScalarType dtype);

}  // namespace autonorm::kernels
