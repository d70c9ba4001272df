// The single-head layer between the soft splits of T2T-ViT (Yuan et al. 2021). The width changes, so that the residual
// sum takes the values v in the input's place:
//
//   [k, q, v] = kqv(norm1(x));  y = v + proj(attention(q, k, v));  y = y + fc2(gelu(fc1(norm2(y))))
//   performer    attention = φ(q) (φ(k)ᵀ v) / (φ(q) Σ φ(k) + 1e-8),  φ(u) = exp(u Wᵀ − |u|²/2) / √m, m = ⌊E/2⌋ random
//                orthogonal features W of length √m, fixed
//   transformer  attention = softmax(q kᵀ / √in) v
//
// Shapes  x [B, T, in] → [B, T, E]
#pragma once
#include <string>
#include <vector>

#include "core/models/linear.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

struct TokenLayerOptions {
  int64_t in = 0, out = 64;  // E
  int64_t tokens = 1;        // T, for counting
  config::TokenLayer kind = config::TokenLayer::kPerformer;
  bool kqv_bias = false;  // transformer; a performer has one
};

class SplitLayer {
 public:
  // Registers "norm1.…", "norm2.…" (site "token"), "attn.kqv.…", "attn.proj.…", "features" and "mlp.…".
  SplitLayer(const TokenLayerOptions& options, const config::TrialConfig& config, NormSites& norms,
             norms::ParameterTable& table);
  at::Tensor operator()(const at::Tensor& x, const NormSites& norms, const norms::StepContext& step) const;
  int64_t macs() const;  // without norms
  // `scope`: where it was registered, "tokens.0".
  void add_fold_sites(const std::string& scope, const NormSites& norms, std::vector<FoldSite>& sites) const;

 private:
  at::Tensor kernel(const at::Tensor& x) const;  // φ: [B, T, E] → [B, T, m]
  at::Tensor attend(const at::Tensor& k, const at::Tensor& q, const at::Tensor& v) const;
  int64_t features() const { return options_.out / 2; }

  TokenLayerOptions options_;
  NormSite norm1_, norm2_;
  Linear kqv_, proj_, fc1_, fc2_;
  norms::ParameterSlot random_;  // [m, E]; performer only
};

}  // namespace autonorm::models
