// Multi-head softmax attention of a token sequence over itself:  out = softmax(q kᵀ / √d) v  for each head.
//
// Few tokens in float32 on a CPU go through kernels of our own (short_attention_head.h) straight from and to the packed
// layout; everything else is at::scaled_dot_product_attention. Differentiable once; a second derivative is an error, as
// with LibTorch's own fused attention. Any thread; several at once with tensors of their own.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace autonorm::kernels {

// qkv [B, T, 3·H·d]: the q of all heads, then k, then v → [B, T, H·d]. H must divide the width: callers have refused
// other configurations (models/attention.h, check_heads).
at::Tensor self_attention(const at::Tensor& qkv, int64_t heads);

// The same in two steps, for a caller that changes q and k in between; always LibTorch's attention.
struct Heads {
  at::Tensor q, k, v;  // [B, H, T, d], views
};
Heads split_heads(const at::Tensor& qkv, int64_t heads);
at::Tensor attend(const Heads& heads);  // → [B, T, H·d]

}  // namespace autonorm::kernels
