#include "core/models/attention.h"

#include "core/kernels/attention.h"
#include "core/models/penalties.h"

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
  const bool has_norms = q_norm_.index >= 0;
  const bool penalized = options_.peak_penalty != 0 && step.wants_penalty();
  if (!has_norms && !penalized) return proj_(kernels::self_attention(packed, options_.heads));
  kernels::Heads heads = kernels::split_heads(packed, options_.heads);
  if (has_norms) {
    heads.q = normed(q_norm_, heads.q, norms, step);
    heads.k = normed(k_norm_, heads.k, norms, step);
  }
  if (penalized) step.add_penalty(flat_attention(heads.q, heads.k) * options_.peak_penalty);
  return proj_(kernels::attend(heads));
}

}  // namespace autonorm::models
