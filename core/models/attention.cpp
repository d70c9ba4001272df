#include "core/models/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

namespace autonorm::models {

Attention::Attention(const AttentionOptions& options, norms::ParameterTable& table)
    : options_(options),
      qkv_(table, "attn.qkv", options.dim, 3 * options.dim, LinearInit::kTruncatedNormal, options.qkv_bias),
      proj_(table, "attn.proj", options.dim, options.dim, LinearInit::kTruncatedNormal) {}

at::Tensor Attention::operator()(const at::Tensor& x) const {
  const int64_t batch = x.size(0), tokens = x.size(1), head_dim = options_.dim / options_.heads;
  const at::Tensor qkv =
      qkv_(x).view({batch, tokens, 3, options_.heads, head_dim}).permute({2, 0, 3, 1, 4});  // [3, B, H, T, d_h]
  // unbind, not three selects: its backward pass stacks the parts instead of adding three zero-padded tensors.
  const std::vector<at::Tensor> parts = qkv.unbind(0);                                      // q, k, v
  const at::Tensor heads = at::scaled_dot_product_attention(parts[0], parts[1], parts[2]);  // [B, H, T, d_h]
  return proj_(heads.transpose(1, 2).reshape({batch, tokens, options_.dim}));
}

}  // namespace autonorm::models
