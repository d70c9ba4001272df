// The AutoNorm project's first version (models-and-recipes.md 2.2): the flat image is one token, so attention mixes
// nothing.
//
//   x = Linear(values → D);  x = embed(x)
//   x = post_attn(x + attn(x));  x = drop(fc2(gelu(fc1(x)))), without a residual sum       depth times
//   logits = head(x)
//
// Shapes  images [B, ch, H, W] → logits [B, classes]
// Init    torch's defaults for Linear and nn.MultiheadAttention
#pragma once
#include <optional>
#include <vector>

#include "core/models/attention.h"
#include "core/models/drop.h"
#include "core/models/model.h"

namespace autonorm::models {

class AutoNormV0 final : public Model {
 public:
  // kInvalid: heads do not divide dim.
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override;

 private:
  struct Layer {
    Attention attention;
    Linear fc1, fc2;
    Dropout drop;
    NormSite post_attn;
  };
  AutoNormV0(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);

  std::optional<Linear> embed_, head_;
  NormSite embed_norm_;
  std::vector<Layer> layers_;
};

}  // namespace autonorm::models
