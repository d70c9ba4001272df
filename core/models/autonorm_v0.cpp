#include "core/models/autonorm_v0.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

#include "core/models/block.h"
#include "core/norms/mac_rules.h"

namespace autonorm::models {

Result<std::unique_ptr<Model>> AutoNormV0::make(const config::TrialConfig& config, const InputShape& input,
                                                at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_heads("heads", config.model.heads, "dim", config.model.dim));
  return std::unique_ptr<Model>(new AutoNormV0(config, input, dtype));
}

AutoNormV0::AutoNormV0(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  const int64_t dim = model_.dim, hidden = mlp_hidden(dim, model_.mlp_ratio);
  embed_.emplace(table_, "embed_input", input_.values(), dim, LinearInit::kUniformFanIn);
  embed_norm_ = norms_.add(config, "embed", dim, /*tokens=*/1, table_);
  for (int64_t i = 0; i < model_.depth; ++i) {
    const norms::ParameterTable::Scope scope(table_, cat("blocks.", i));
    const AttentionOptions attention{.dim = dim,
                                     .heads = model_.heads,
                                     .qkv_init = LinearInit::kXavier,
                                     .proj_init = LinearInit::kUniformNoBias,
                                     .qk_site = false};
    layers_.push_back({.attention = Attention(attention, config, norms_, table_),
                       .fc1 = Linear(table_, "mlp.fc1", dim, hidden, LinearInit::kUniformFanIn),
                       .fc2 = Linear(table_, "mlp.fc2", hidden, dim, LinearInit::kUniformFanIn),
                       .drop = Dropout(config.seed, table_.full_name("mlp"), model_.dropout),
                       .post_attn = norms_.add(config, "post_attn", dim, /*tokens=*/1, table_)});
  }
  head_.emplace(table_, "head", dim, input_.classes, LinearInit::kUniformFanIn);
}

at::Tensor AutoNormV0::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = (*embed_)(images.reshape({images.size(0), 1, input_.values()}));  // [B, 1, D]
  x = norms_.apply(embed_norm_, x, step);
  for (const Layer& layer : layers_) {
    x = norms_.apply(layer.post_attn, x + layer.attention(x, norms_, step), step);
    x = layer.drop(layer.fc2(at::gelu(layer.fc1(x))), step);
  }
  return (*head_)(x.select(1, 0));
}

std::vector<FoldSite> AutoNormV0::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < layers_.size(); ++i) {
    norms_.add_fold_site(layers_[i].post_attn, {cat("blocks.", i, ".mlp.fc1")}, sites);
  }
  return sites;
}

int64_t AutoNormV0::macs() const {
  const int64_t dim = model_.dim, hidden = mlp_hidden(dim, model_.mlp_ratio);
  const int64_t block = norms::linear_macs(dim, 4 * dim, 1) + 2 * dim + 2 * norms::linear_macs(dim, hidden, 1);
  return norms::linear_macs(input_.values(), dim, 1) + model_.depth * block +
         norms::linear_macs(dim, input_.classes, 1) + norms_.macs();
}

}  // namespace autonorm::models
