// Multi-head self-attention (Vaswani et al. 2017):  proj(concat_h softmax(q_h k_hᵀ / √d_h) v_h), no dropout.
//
// Shapes  x, y: [B, T, D];  d_h = D / heads
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/models/linear.h"

namespace autonorm::models {

struct AttentionOptions {
  int64_t dim = 64;  // D, a multiple of heads
  int64_t heads = 4;
  bool qkv_bias = true;
};

class Attention {
 public:
  Attention(const AttentionOptions& options, norms::ParameterTable& table);  // registers "attn.qkv.…", "attn.proj.…"
  at::Tensor operator()(const at::Tensor& x) const;

 private:
  AttentionOptions options_;
  Linear qkv_, proj_;
};

}  // namespace autonorm::models
