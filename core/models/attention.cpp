#include "core/models/attention.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include "core/kernels/attention.h"

namespace autonorm::models {

Status check_heads(const char* heads_key, int64_t heads, const char* dim_key, int64_t dim) {
  if (dim % heads == 0) return {};
  return invalid("model.", heads_key, " = ", heads, " does not divide model.", dim_key, " = ", dim, "; choose ",
                 dim_key, " as a multiple of heads");
}

Attention::Attention(const AttentionOptions& options, const config::TrialConfig& config, NormSites& norms,
                     norms::ParameterTable& table)
    : options_(options),
      qkv_(table, "attn.qkv", options.dim, 3 * options.dim, options.qkv_init, options.qkv_bias),
      proj_(table, "attn.proj", options.dim, options.dim, options.proj_init) {
  if (!options_.qk_site) return;
  const norms::ParameterTable::Scope scope(table, "attn");
  const int64_t channels = options_.dim / options_.heads, tokens = options_.heads * options_.tokens;
  q_norm_ = norms.add(config, "qk", "q_norm", channels, tokens, table);
  k_norm_ = norms.add(config, "qk", "k_norm", channels, tokens, table);
}

at::Tensor Attention::normed(NormSite site, const at::Tensor& heads, const NormSites& norms,
                             const norms::StepContext& step) const {
  return norms.apply(site, heads.flatten(1, 2), step).view(heads.sizes());
}

at::Tensor Attention::operator()(const at::Tensor& x, const NormSites& norms, const norms::StepContext& step) const {
  const at::Tensor packed = qkv_(x);  // [B, T, 3·D]
  if (q_norm_.index < 0) return proj_(kernels::self_attention(packed, options_.heads));
  const int64_t batch = x.size(0), tokens = x.size(1), head_dim = options_.dim / options_.heads;
  const at::Tensor qkv =
      packed.view({batch, tokens, 3, options_.heads, head_dim}).permute({2, 0, 3, 1, 4});  // [3, B, H, T, d_h]
  // unbind, not three selects: its backward pass stacks the parts instead of adding three zero-padded tensors.
  const std::vector<at::Tensor> parts = qkv.unbind(0);  // q, k, v
  const at::Tensor q = normed(q_norm_, parts[0], norms, step), k = normed(k_norm_, parts[1], norms, step);
  const at::Tensor heads = at::scaled_dot_product_attention(q, k, parts[2]);  // [B, H, T, d_h]
  return proj_(heads.transpose(1, 2).reshape({batch, tokens, options_.dim}));
}

}  // namespace autonorm::models
