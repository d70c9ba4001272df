// What LearnableScaler's published training adds to the loss (vision_transformer.py of its repository), so that a
// network without statistics keeps its features and its attention in bounds. Both → [1], in float32 at least, of one
// rank's micro-batch; gradients flow through them.
#pragma once
#include <ATen/core/Tensor.h>

namespace autonorm::models {

// x of any shape, after a residual addition: mean and maximum, added, of |x| − limit over the elements beyond the
// limit; 0 when there are none.
at::Tensor beyond_limit(const at::Tensor& x, double limit);
// q, k [B, H, T, d]: 1 − mean of the attention rows' maxima over the rows whose maximum is below one half; 0 when there
// are none.
at::Tensor flat_attention(const at::Tensor& q, const at::Tensor& k);

}  // namespace autonorm::models
