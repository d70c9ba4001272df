// Masked autoencoder (He et al. 2022): models-and-recipes.md 2.7 (ViT-B by default) and 2.8 (MAE-tiny).
//
//   x = patches · W + b + pos;  keep ⌊N(1 − ratio)⌋ patches of each sample;  [cls + pos_cls; x];  embed(x)
//   x = block(x)  depth times;  x = final(x)
//   z = decoder_embed(x); mask tokens in the places of hidden patches; + decoder pos
//   z = block(z)  decoder_depth times;  z = decoder final(z);  prediction = pred(z) of every patch
//   loss of a sample = Σ over hidden patches of mean (prediction − target)²  /  number of hidden patches
//
// The target is the patch, (row, column, channel); with norm_pix (patch − mean) / √(unbiased variance + 1e-6).
//
// Shapes  images [B, ch, H, W] → prediction [B, N, P];  N = (H/p)·(W/p), P = p·p·ch
// Sites   pre_attn, pre_ffn, final of the encoder; decoder: all norms of the decoder, its last one included. On request
//         embed, post_attn, post_ffn, qk of the encoder
// Init    xavier: uniform ± √(6/(in + out)) for every Linear and the patch convolution, cls and mask token N(0, .02);
//         torch: the defaults of nn.Conv2d, nn.Linear and nn.MultiheadAttention. Learned positions N(0, .02)
// Counted parameters include fixed positions, which do not learn.
#pragma once
#include <optional>
#include <vector>

#include "core/models/block.h"
#include "core/models/masking.h"
#include "core/models/model.h"

namespace autonorm::models {

class Mae final : public Model {
 public:
  // kInvalid: patch does not divide the image, heads do not divide widths, positions need other widths, nothing or
  // everything is hidden.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  bool reconstructs() const override { return true; }
  Reconstruction reconstruct(const at::Tensor& images, const norms::StepContext& step) override;
  int64_t macs() const override;

 private:
  Mae(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  void build_encoder(const config::TrialConfig& config);
  void build_decoder(const config::TrialConfig& config);
  norms::ParameterSlot add_positions(const char* name, int64_t dim);
  at::Tensor encode(const at::Tensor& images, const Mask& mask, const norms::StepContext& step) const;  // [B, K(+1), D]
  at::Tensor decode(const at::Tensor& latent, const Mask& mask, const norms::StepContext& step) const;  // [B, N, P]
  at::Tensor targets(const at::Tensor& images) const;                                                   // [B, N, P]
  int64_t patch_count() const { return input_.patches(model_.patch); }
  int64_t cls() const { return model_.cls ? 1 : 0; }
  LinearInit linear_init() const;

  const Masking masking_;
  std::optional<Linear> patch_embed_, decoder_embed_, pred_;
  norms::ParameterSlot cls_token_, mask_token_;         // [1, 1, D]; [1, 1, D of the decoder]
  norms::ParameterSlot pos_embed_, decoder_pos_embed_;  // [1, N (+ 1), D]
  NormSite embed_norm_, final_norm_, decoder_norm_;
  std::vector<Block> blocks_, decoder_blocks_;
};

}  // namespace autonorm::models
