// The AutoNorm project's transformer, as published ("autonorm") and as its README means it ("autonorm_corrected"):
// models-and-recipes.md 2.1 and 2.3.
//
//   x = patches · W + b + positions;  [cls; x];  x = embed(x)
//   published: tokens meet in se alone
//     x = post_ffn(x + path(γ ⊙ se(drop(fc2(drop(gelu(fc1(x))))))))
//   corrected: post_attn, post_ffn on request; final(x) before the head
//     x = x + path(γ' ⊙ attn(pre_attn(x)))
//     x = x + path(γ ⊙ se(drop(fc2(drop(gelu(fc1(pre_ffn(x))))))))
//   logits = head(x's cls token, or its only token)
//   se(x) = x ⊙ sigmoid(fc2(gelu(fc1(mean over tokens of x)))), max(8, D/4) hidden units
//   drop = Dropout; path = DropPath, linear over depth; γ = LayerScale, [D], initially layer_scale
//
// Images of one channel are repeated to three. Positions [1, D, 8, 8] are resized bilinearly to the patches' grid, and
// added before the cls token, which has none. With input = "table" all values are one token: Linear(values → D).
//
// Shapes  images [B, 1 or 3, H, W] (a table [B, ch, H, W] of ch·H·W values) → logits [B, classes]
// Init    torch's defaults for Linear and convolution; positions N(0, .02); cls truncated normal .02
#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "core/models/attention.h"
#include "core/models/drop.h"
#include "core/models/model.h"

namespace autonorm::models {

class AutoNorm final : public Model {
 public:
  // kInvalid: patch does not divide the image, two channels or more than three, heads do not divide dim.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override;

 private:
  struct AttentionPart {
    Attention attention;
    norms::ParameterSlot gain;  // [D]
    DropPath path;
    NormSite pre, post;
  };
  struct MlpPart {
    Linear fc1, fc2;
    Linear squeeze, excite;
    norms::ParameterSlot gain;  // [D]
    Dropout drop_hidden, drop_out;
    DropPath path;
    NormSite pre, post;
  };
  struct Layer {
    std::optional<AttentionPart> attention;
    MlpPart mlp;
  };
  AutoNorm(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);
  Layer make_layer(const config::TrialConfig& config, int64_t index);
  AttentionPart make_attention(const config::TrialConfig& config, int64_t index);
  MlpPart make_mlp(const config::TrialConfig& config, int64_t index);
  at::Tensor embed(const at::Tensor& images) const;  // → [B, T, D]
  at::Tensor run_attention(const AttentionPart& part, const at::Tensor& x, const norms::StepContext& step) const;
  at::Tensor run_mlp(const MlpPart& part, const at::Tensor& x, const norms::StepContext& step) const;
  bool corrected() const { return model_.family == config::ModelFamily::kAutonormCorrected; }
  bool table_input() const { return model_.input == config::ModelInput::kTable; }
  int64_t tokens() const { return table_input() ? 1 : input_.patches(model_.patch) + 1; }

  std::optional<Linear> embed_, head_;  // of patches, or of all values
  norms::ParameterSlot cls_token_;      // [1, 1, D]; images only
  norms::ParameterSlot pos_embed_;      // [1, D, 8, 8]; images only
  NormSite embed_norm_, final_norm_;
  std::vector<Layer> layers_;
};

}  // namespace autonorm::models
