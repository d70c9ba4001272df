// FT-Transformer (Gorishniy et al. 2021; RTDL's code): models-and-recipes.md 2.10. One token per value of the input,
// for tables; an image's pixels count as features.
//
//   tokens = value_j · W_j + b_j;  [cls; tokens], cls a feature fixed to 1 without bias
//   pre-norm   x = x + drop(attn(pre_attn(x)))     but no norm before the first block's attention
//              x = x + drop(reglu_ffn(pre_ffn(x)));  logits = head(relu(final(cls)))
//   post-norm  x = post_attn(x + drop(attn(x)));  x = post_ffn(x + drop(reglu_ffn(x)));  logits = head(relu(cls))
//   reglu_ffn(x) = linear1(drop(a ⊙ relu(b))),  [a, b] = linear0(x), h = ⌊dim · mlp_ratio⌋ hidden units
//   attention with dropout on its weights; the last block computes it for cls alone
//
// Shapes  images [B, ch, H, W] (a table [B, 1, 1, features]) → logits [B, classes]
// Init    tokens uniform ± 1/√dim; Linear as torch's default, query, key, value and output biases 0
// Decay   none for the tokenizer, norms and biases (RTDL)
#pragma once
#include <optional>
#include <vector>

#include "core/models/drop.h"
#include "core/models/linear.h"
#include "core/models/model.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

class FtTransformer final : public Model {
 public:
  // kInvalid: heads do not divide dim, no hidden unit.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override;

 private:
  struct Layer {
    NormSite attn_norm, ffn_norm;
    Linear q, k, v, out;
    Linear linear0, linear1;
    Dropout drop_attention, drop_ffn, drop_attn_residual, drop_ffn_residual;
  };
  FtTransformer(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  Layer make_layer(const config::TrialConfig& config, int64_t index);
  at::Tensor tokens(const at::Tensor& images) const;  // [B, F + 1, D], cls first
  // The attention of `queries` [B, Q, D] to x [B, T, D] → [B, Q, D]
  at::Tensor attend(const Layer& layer, const at::Tensor& queries, const at::Tensor& x,
                    const norms::StepContext& step) const;
  at::Tensor run_layer(const Layer& layer, const at::Tensor& x, bool last, const norms::StepContext& step) const;

  norms::ParameterSlot token_weight_, token_bias_;  // [F + 1, D], [F, D]
  std::vector<Layer> layers_;
  NormSite final_norm_;
  std::optional<Linear> head_;
};

// Hidden units of the ReGLU: dim · ratio, truncated.
int64_t reglu_hidden(int64_t dim, double ratio);

}  // namespace autonorm::models
