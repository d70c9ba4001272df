#include "core/models/mae.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/var_mean.h>

#include "core/models/mac_count.h"
#include "core/models/patches.h"
#include "core/models/positions.h"
#include "core/norms/compute_dtype.h"

namespace autonorm::models {
namespace {

constexpr norms::InitSpec kTokenInit{norms::Init::kNormal, 0.02};
constexpr double kClose = 0.1;
constexpr double kPixelEps = 1e-6;

Status check_mae_shapes(const config::ModelConfig& model, const InputShape& input) {
  AUTONORM_RETURN_IF_ERROR(check_patch(model.patch, input));
  AUTONORM_RETURN_IF_ERROR(check_heads("heads", model.heads, "dim", model.dim));
  AUTONORM_RETURN_IF_ERROR(check_heads("decoder_heads", model.decoder_heads, "decoder_dim", model.decoder_dim));
  if (model.positions == config::Positions::kSincos && (model.dim % 4 != 0 || model.decoder_dim % 4 != 0)) {
    return invalid("model.positions = 'sincos' needs dim = ", model.dim, " and decoder_dim = ", model.decoder_dim,
                   " to be multiples of 4");
  }
  const int64_t patches = input.patches(model.patch);
  const int64_t kept = Masking(0, patches, model.mask_ratio).kept();
  if (kept < 1 || kept >= patches) {
    return invalid("model.mask_ratio = ", model.mask_ratio, " keeps ", kept, " of ", patches,
                   " patches; the encoder needs at least one, the loss at least one hidden");
  }
  return {};
}

// The rows `index` [B, K] of x [B, N, D] → [B, K, D]
at::Tensor rows_of(const at::Tensor& x, const at::Tensor& index) {
  return x.gather(1, index.unsqueeze(2).expand({index.size(0), index.size(1), x.size(2)}));
}

}  // namespace

Result<std::unique_ptr<Model>> Mae::make(const config::TrialConfig& config, const InputShape& input,
                                         at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_mae_shapes(config.model, input));
  return std::unique_ptr<Model>(new Mae(config, input, dtype));
}

Mae::Mae(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype), masking_(config.seed, input.patches(config.model.patch), config.model.mask_ratio) {
  build_encoder(config);
  build_decoder(config);
}

LinearInit Mae::linear_init() const {
  return model_.init == config::WeightInit::kXavier ? LinearInit::kXavier : LinearInit::kUniformFanIn;
}

norms::ParameterSlot Mae::add_positions(const char* name, int64_t dim) {
  const int64_t tokens = patch_count() + cls();
  if (model_.positions == config::Positions::kLearned) return table_.add(name, {1, tokens, dim}, kTokenInit);
  const norms::ParameterSlot slot = table_.add(name, {1, tokens, dim}, {norms::Init::kZeros}, /*trainable=*/false);
  const at::NoGradGuard no_grad;
  const int64_t rows = input_.height / model_.patch, columns = input_.width / model_.patch;
  slot.get().select(0, 0).narrow(0, cls(), patch_count()).copy_(sincos_positions(rows, columns, dim));
  return slot;
}

void Mae::build_encoder(const config::TrialConfig& config) {
  const bool xavier = model_.init == config::WeightInit::kXavier;
  const int64_t tokens = masking_.kept() + cls();
  patch_embed_.emplace(table_, "patch_embed", input_.patch_values(model_.patch), model_.dim,
                       xavier ? LinearInit::kXavierConv : LinearInit::kUniformFanIn);
  if (model_.cls) cls_token_ = table_.add("cls_token", {1, 1, model_.dim}, kTokenInit);
  pos_embed_ = add_positions("pos_embed", model_.dim);
  embed_norm_ = norms_.add(config, "embed", model_.dim, tokens, table_);
  for (int64_t i = 0; i < model_.depth; ++i) {
    const norms::ParameterTable::Scope scope(table_, cat("blocks.", i));
    blocks_.emplace_back(
        BlockOptions{.attention = {.dim = model_.dim,
                                   .heads = model_.heads,
                                   .tokens = tokens,
                                   .qkv_init = LinearInit::kXavier,
                                   .proj_init = xavier ? LinearInit::kXavier : LinearInit::kUniformNoBias},
                     .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                     .ffn_init = linear_init()},
        config, norms_, table_);
  }
  final_norm_ = norms_.add(config, "final", model_.dim, tokens, table_);
}

void Mae::build_decoder(const config::TrialConfig& config) {
  const bool xavier = model_.init == config::WeightInit::kXavier;
  const norms::ParameterTable::Scope decoder(table_, "decoder");
  const int64_t dim = model_.decoder_dim, tokens = patch_count() + cls();
  decoder_embed_.emplace(table_, "embed", model_.dim, dim, linear_init());
  mask_token_ = table_.add("mask_token", {1, 1, dim}, kTokenInit);
  decoder_pos_embed_ = add_positions("pos_embed", dim);
  for (int64_t i = 0; i < model_.decoder_depth; ++i) {
    const norms::ParameterTable::Scope scope(table_, cat("blocks.", i));
    decoder_blocks_.emplace_back(
        BlockOptions{.attention = {.dim = dim,
                                   .heads = model_.decoder_heads,
                                   .tokens = tokens,
                                   .qkv_init = LinearInit::kXavier,
                                   .proj_init = xavier ? LinearInit::kXavier : LinearInit::kUniformNoBias,
                                   .qk_site = false},
                     .hidden = mlp_hidden(dim, model_.mlp_ratio),
                     .ffn_init = linear_init(),
                     .every_site = "decoder"},
        config, norms_, table_);
  }
  decoder_norm_ = norms_.add(config, "decoder", "final", dim, tokens, table_);
  pred_.emplace(table_, "pred", dim, input_.patch_values(model_.patch), linear_init());
}

at::Tensor Mae::encode(const at::Tensor& images, const Mask& mask, const norms::StepContext& step) const {
  const at::Tensor places = pos_embed_.get();                           // [1, N (+ 1), D]
  at::Tensor x = (*patch_embed_)(image_patches(images, model_.patch));  // [B, N, D]
  x = rows_of(x + places.narrow(1, cls(), patch_count()), mask.kept);   // [B, K, D]
  if (model_.cls) {
    const at::Tensor cls_token = cls_token_.get() + places.narrow(1, 0, 1);  // [1, 1, D]
    x = at::cat({cls_token.to(x.scalar_type()).expand({x.size(0), 1, model_.dim}), x}, 1);
  }
  x = norms_.apply(embed_norm_, x, step);
  for (const Block& block : blocks_) x = block(x, norms_, step);
  return norms_.apply(final_norm_, x, step);
}

at::Tensor Mae::decode(const at::Tensor& latent, const Mask& mask, const norms::StepContext& step) const {
  const at::Tensor embedded = (*decoder_embed_)(latent);  // [B, K (+ 1), D']
  const int64_t batch = embedded.size(0), dim = model_.decoder_dim, missing = patch_count() - masking_.kept();
  const at::Tensor seen = embedded.narrow(1, cls(), masking_.kept());
  const at::Tensor blanks = mask_token_.get().to(embedded.scalar_type()).expand({batch, missing, dim});
  at::Tensor x = rows_of(at::cat({seen, blanks}, 1), mask.restore);  // [B, N, D']
  if (model_.cls) x = at::cat({embedded.narrow(1, 0, 1), x}, 1);
  x = x + decoder_pos_embed_.get();
  for (const Block& block : decoder_blocks_) x = block(x, norms_, step);
  x = norms_.apply(decoder_norm_, x, step);
  return (*pred_)(x.narrow(1, cls(), patch_count()));  // [B, N, P]
}

at::Tensor Mae::targets(const at::Tensor& images) const {
  const int64_t p = model_.patch, ch = input_.channels;
  // (channel, row, column) → (row, column, channel)
  const at::Tensor patches = norms::to_compute(image_patches(images, p))
                                 .view({images.size(0), patch_count(), ch, p, p})
                                 .permute({0, 1, 3, 4, 2})
                                 .reshape({images.size(0), patch_count(), input_.patch_values(model_.patch)});
  if (!model_.norm_pix) return patches;
  const auto [var, mean] = at::var_mean(patches, {-1}, /*unbiased=*/true, /*keepdim=*/true);  // [B, N, 1]
  return (patches - mean) / (var + kPixelEps).sqrt();
}

at::Tensor Mae::forward(const at::Tensor& images, const norms::StepContext& step) {
  const Mask mask = masking_.draw(step, images.size(0), pos_embed_.get().options());
  return decode(encode(images, mask, step), mask, step);
}

Reconstruction Mae::reconstruct(const at::Tensor& images, const norms::StepContext& step) {
  const Mask mask = masking_.draw(step, images.size(0), pos_embed_.get().options());
  const at::Tensor prediction = norms::to_compute(decode(encode(images, mask, step), mask, step));  // [B, N, P]
  const norms::NoAutocast guard;
  const at::Tensor error = prediction - targets(images);
  const int64_t hidden = patch_count() - masking_.kept();
  const at::Tensor by_patch = error.square().mean(-1);  // [B, N]
  const at::Tensor close = ((error.detach().abs() < kClose) & (mask.hidden.unsqueeze(2) > 0)).sum();
  return {.prediction = prediction,
          .hidden = mask.hidden,
          .losses = (by_patch * mask.hidden).sum(1) / static_cast<double>(hidden),
          .close = close,
          .values = hidden * input_.patch_values(model_.patch)};
}

std::vector<FoldSite> Mae::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i].add_fold_sites(cat("blocks.", i), norms_, sites);
  norms_.add_fold_site(final_norm_, {"decoder.embed"}, sites);
  for (size_t i = 0; i < decoder_blocks_.size(); ++i) {
    decoder_blocks_[i].add_fold_sites(cat("decoder.blocks.", i), norms_, sites);
  }
  norms_.add_fold_site(decoder_norm_, {"decoder.pred"}, sites);
  return sites;
}

int64_t Mae::macs() const {
  return mae_macs({.dim = model_.dim,
                   .depth = model_.depth,
                   .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                   .tokens = masking_.kept() + cls(),
                   .patches = patch_count(),
                   .patch_dim = input_.patch_values(model_.patch),
                   .decoder_dim = model_.decoder_dim,
                   .decoder_depth = model_.decoder_depth,
                   .decoder_hidden = mlp_hidden(model_.decoder_dim, model_.mlp_ratio),
                   .decoder_tokens = patch_count() + cls()}) +
         norms_.macs();
}

}  // namespace autonorm::models
