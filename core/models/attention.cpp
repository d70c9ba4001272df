#include "core/models/attention.h"

#include "core/kernels/attention.h"

namespace autonorm::models {

Attention::Attention(const AttentionOptions& options, norms::ParameterTable& table)
    : options_(options),
      qkv_(table, "attn.qkv", options.dim, 3 * options.dim, LinearInit::kTruncatedNormal, options.qkv_bias),
      proj_(table, "attn.proj", options.dim, options.dim, LinearInit::kTruncatedNormal) {}

at::Tensor Attention::operator()(const at::Tensor& x) const {
  return proj_(kernels::self_attention(qkv_(x), options_.heads));  // [B, T, D]
}

}  // namespace autonorm::models
