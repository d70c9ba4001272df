// Vision transformer with pre-norm blocks (Dosovitskiy et al. 2021, timm's vit): models-and-recipes.md 2.4.
//
//   x = patches · W + b;  [cls; x] + pos;  embed(x)
//   x = block(x)                                                                  depth times, block.h
//   logits = head(pool(final(x))),  pool = mean over all tokens or the cls token;
//   pool = patches: head(final(mean over the patches)), beside a cls token that only the blocks read
//   A norm at the site head stands between the pool and the head, as the batch norm of MAE's linear probe does.
//
// Shapes  images [B, ch, H, W] → logits [B, classes];  T = (H/p)·(W/p) (+ 1 with cls)
// Sites   pre_attn, pre_ffn, final (standard); embed, post_attn, post_ffn, qk, head (only when norm_sites names them).
//         A block's norm is called "blocks.I.SITE", that of the head "head_norm".
// Init    weights truncated normal 0.02, biases 0; positions and cls truncated normal 0.02. GELU is exact.
#pragma once
#include <optional>
#include <vector>

#include "core/models/block.h"
#include "core/models/model.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

class Vit final : public Model {
 public:
  // kInvalid: patch does not divide the image, heads do not divide dim, the hidden layer of the MLP would be empty.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  int64_t macs() const override;
  std::vector<FoldSite> fold_sites() const override;

 private:
  Vit(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  Block make_block(const config::TrialConfig& config, int64_t index);
  at::Tensor embed(const at::Tensor& images) const;  // → [B, T, D]
  int64_t tokens() const { return input_.patches(model_.patch) + (config::has_cls(model_.pool) ? 1 : 0); }
  at::Tensor pooled(const at::Tensor& x, const norms::StepContext& step) const;  // [B, T, D] → [B, 1, D]

  std::optional<Linear> patch_embed_, head_;
  norms::ParameterSlot cls_token_;  // [1, 1, D]; empty with mean pooling
  norms::ParameterSlot pos_embed_;  // [1, T, D]
  NormSite embed_norm_, final_norm_, head_norm_;
  std::vector<Block> blocks_;
};

}  // namespace autonorm::models
