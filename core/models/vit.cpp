#include "core/models/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>

#include "core/models/mac_count.h"
#include "core/models/patches.h"

namespace autonorm::models {
namespace {

constexpr norms::InitSpec kVitEmbeddingInit{norms::Init::kTruncatedNormal, 0.02};

Status check_vit_shapes(const config::ModelConfig& model, const InputShape& input) {
  AUTONORM_RETURN_IF_ERROR(check_patch(model.patch, input));
  AUTONORM_RETURN_IF_ERROR(check_heads("heads", model.heads, "dim", model.dim));
  if (mlp_hidden(model.dim, model.mlp_ratio) < 1) {
    return invalid("model.mlp_ratio = ", model.mlp_ratio, " leaves the MLP no hidden unit at model.dim = ", model.dim,
                   "; choose a larger ratio");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> Vit::make(const config::TrialConfig& config, const InputShape& input,
                                         at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_vit_shapes(config.model, input));
  return std::unique_ptr<Model>(new Vit(config, input, dtype));
}

Vit::Vit(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  patch_embed_.emplace(table_, "patch_embed", input_.patch_values(model_.patch), model_.dim,
                       LinearInit::kTruncatedNormal);
  if (config::has_cls(model_.pool)) cls_token_ = table_.add("cls_token", {1, 1, model_.dim}, kVitEmbeddingInit);
  pos_embed_ = table_.add("pos_embed", {1, tokens(), model_.dim}, kVitEmbeddingInit);
  embed_norm_ = norms_.add(config, "embed", model_.dim, tokens(), table_);
  for (int64_t i = 0; i < model_.depth; ++i) blocks_.push_back(make_block(config, i));
  const bool pools_first = model_.pool == config::Pool::kPatches;
  final_norm_ = norms_.add(config, "final", model_.dim, pools_first ? 1 : tokens(), table_);
  head_norm_ = norms_.add(config, "head", "head_norm", model_.dim, /*tokens=*/1, table_);
  head_.emplace(table_, "head", model_.dim, input_.classes, LinearInit::kTruncatedNormal);
}

Block Vit::make_block(const config::TrialConfig& config, int64_t index) {
  constexpr int64_t kPeakedBlocks = 6;  // as in LearnableScaler's code
  const norms::ParameterTable::Scope scope(table_, cat("blocks.", index));
  return Block({.attention = {.dim = model_.dim,
                              .heads = model_.heads,
                              .tokens = tokens(),
                              .qkv_bias = model_.qkv_bias,
                              .peak_penalty = index < kPeakedBlocks ? config.train.attention_peak : 0.0},
                .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                .drop_path = drop_path_rate(model_.drop_path, index, model_.depth),
                .feature_decay = config.train.feature_decay,
                .feature_limit = config.train.feature_limit},
               config, norms_, table_);
}

at::Tensor Vit::embed(const at::Tensor& images) const {
  at::Tensor x = (*patch_embed_)(image_patches(images, model_.patch));  // [B, T or T−1, D]
  if (cls_token_) x = at::cat({cls_token_.get().to(x.scalar_type()).expand({x.size(0), 1, model_.dim}), x}, 1);
  return x + pos_embed_.get();
}

at::Tensor Vit::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = norms_.apply(embed_norm_, embed(images), step);  // [B, T, D]
  for (const Block& block : blocks_) x = block(x, norms_, step);
  return (*head_)(norms_.apply(head_norm_, pooled(x, step), step).squeeze(1));
}

at::Tensor Vit::pooled(const at::Tensor& x, const norms::StepContext& step) const {
  if (model_.pool == config::Pool::kPatches) {
    const at::Tensor patches = x.narrow(1, 1, tokens() - 1).mean(1, /*keepdim=*/true);  // [B, 1, D]
    return norms_.apply(final_norm_, patches, step);
  }
  const at::Tensor normed = norms_.apply(final_norm_, x, step);  // [B, T, D]
  return model_.pool == config::Pool::kCls ? normed.narrow(1, 0, 1) : normed.mean(1, /*keepdim=*/true);
}

std::vector<FoldSite> Vit::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i].add_fold_sites(cat("blocks.", i), norms_, sites);
  // Pooling is linear, so it does not matter that it comes between the final norm and the head.
  norms_.add_fold_site(head_norm_.index < 0 ? final_norm_ : head_norm_, {"head"}, sites);
  return sites;
}

int64_t Vit::macs() const {
  return vit_macs({.dim = model_.dim,
                   .depth = model_.depth,
                   .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                   .tokens = tokens(),
                   .patches = input_.patches(model_.patch),
                   .patch_dim = input_.patch_values(model_.patch),
                   .classes = input_.classes}) +
         norms_.macs();
}

}  // namespace autonorm::models
