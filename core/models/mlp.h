// The AutoNorm project's teacher, a plain perceptron: flat image → (Linear(hidden) → norm → ReLU) × layers →
// Linear(classes). models-and-recipes.md 2.9: one layer of 128 units with LayerNorm is the published teacher.
//
// Shapes  images [B, ch, H, W] → logits [B, classes]; the norm at site "hidden" sees one token, [B, 1, hidden]
// Init    torch's default for Linear: weights and biases uniform ± 1/√in
#pragma once
#include <optional>
#include <vector>

#include "core/models/linear.h"
#include "core/models/model.h"
#include "core/models/norm_sites.h"

namespace autonorm::models {

class Mlp final : public Model {
 public:
  static Result<std::unique_ptr<Model>> make(const config::TrialConfig& config, const InputShape& input,
                                             at::ScalarType dtype);

  at::Tensor forward(const at::Tensor& images, const norms::StepContext& step) override;
  std::vector<FoldSite> fold_sites() const override;
  int64_t macs() const override;

 private:
  struct Layer {
    Linear linear;
    NormSite norm;
  };
  Mlp(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype);

  std::vector<Layer> layers_;
  std::optional<Linear> head_;
};

}  // namespace autonorm::models
