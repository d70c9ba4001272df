// Multi-head self-attention (Vaswani et al. 2017):  proj(concat_h softmax(q_h k_hᵀ / √d_h) v_h), no dropout.
// At site "qk" queries and keys pass a norm each, as [B, heads · T, d_h].
//
// Shapes  x, y: [B, T, D];  d_h = D / heads
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "core/base/status.h"
#include "core/models/linear.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

// kInvalid when `heads` does not divide `dim`; the keys name them in the message.
Status check_heads(const char* heads_key, int64_t heads, const char* dim_key, int64_t dim);

struct AttentionOptions {
  int64_t dim = 64;  // D, a multiple of heads
  int64_t heads = 4;
  int64_t tokens = 1;  // T, for counting
  bool qkv_bias = true;
  LinearInit qkv_init = LinearInit::kTruncatedNormal, proj_init = LinearInit::kTruncatedNormal;
  bool qk_site = true;      // the site is the model's
  double peak_penalty = 0;  // weight of flat attention in the loss of training (penalties.h)
};

class Attention {
 public:
  // Registers "attn.qkv.…", "attn.proj.…" and, where site "qk" has norms, "attn.q_norm.…", "attn.k_norm.…".
  Attention(const AttentionOptions& options, const config::TrialConfig& config, NormSites& norms,
            norms::ParameterTable& table);
  at::Tensor operator()(const at::Tensor& x, const NormSites& norms, const norms::StepContext& step) const;

 private:
  // [B, heads, T, d_h] → likewise
  at::Tensor normed(NormSite site, const at::Tensor& heads, const NormSites& norms,
                    const norms::StepContext& step) const;

  AttentionOptions options_;
  Linear qkv_, proj_;
  NormSite q_norm_, k_norm_;
};

}  // namespace autonorm::models
