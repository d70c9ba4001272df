// T2T-ViT (Yuan et al. 2021): models-and-recipes.md 2.5. Its default is T2T-ViT-14.
//
//   tokens = windows 7, stride 4, padding 2;  token layer, as a map;  windows 3, 2, 1;  token layer, as a map;
//   windows 3, 2, 1;  x = tokens · W + b;  [cls; x] + fixed sinusoid;  embed(x);  x = block(x) depth times;
//   logits = head(final(x)'s cls)
//
// Shapes  images [B, ch, H, W] → logits [B, classes]
// Sites   pre_attn, pre_ffn, final; token: the norms of the token layers (LayerNorm unless named). On request embed,
//         post_attn, post_ffn, qk
// Init    weights and cls truncated normal 0.02, biases 0
#pragma once
#include <optional>
#include <vector>

#include "core/models/block.h"
#include "core/models/model.h"
#include "core/models/token_layer.h"

namespace autonorm::models {

class T2tVit final : public Model {
 public:
  // kInvalid: heads do not divide dim; an image too small for the windows.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override;

 private:
  struct Side {
    int64_t height = 0, width = 0;
    int64_t positions() const { return height * width; }
  };
  T2tVit(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  int64_t tokens() const { return sides_[2].positions() + 1; }

  Side sides_[3];  // of the maps after each split
  std::vector<SplitLayer> token_layers_;
  std::optional<Linear> project_, head_;
  norms::ParameterSlot cls_token_, pos_embed_;  // [1, 1, D]; [1, T, D], fixed
  NormSite embed_norm_, final_norm_;
  std::vector<Block> blocks_;
};

}  // namespace autonorm::models
