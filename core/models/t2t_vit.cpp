#include "core/models/t2t_vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/im2col.h>

#include "core/models/mac_count.h"
#include "core/models/positions.h"
#include "core/norms/mac_rules.h"

namespace autonorm::models {
namespace {

struct Split {
  int64_t kernel, stride, padding;
  int64_t side(int64_t length) const { return (length + 2 * padding - kernel) / stride + 1; }
};
constexpr Split kSplits[3] = {{7, 4, 2}, {3, 2, 1}, {3, 2, 1}};
constexpr int64_t kSmallestSide = 3;  // that the first window covers, with its padding

// Windows of a map [B, C, H, W] as tokens [B, H'·W', C·kernel²].
at::Tensor soft_split(const at::Tensor& map, const Split& split) {
  return at::im2col(map, {split.kernel, split.kernel}, /*dilation=*/{1, 1}, {split.padding, split.padding},
                    {split.stride, split.stride})
      .transpose(1, 2);
}

}  // namespace

Result<std::unique_ptr<Model>> T2tVit::make(const config::TrialConfig& config, const InputShape& input,
                                            at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_heads("heads", config.model.heads, "dim", config.model.dim));
  if (input.height < kSmallestSide || input.width < kSmallestSide) {
    return invalid("model.family = 't2t_vit' splits images by windows of 7x7, and these have ", input.height, "x",
                   input.width, " pixels; choose larger images or another family");
  }
  return std::unique_ptr<Model>(new T2tVit(config, input, dtype));
}

T2tVit::T2tVit(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  const int64_t dim = model_.dim, token_dim = model_.token_dim;
  Side side{.height = input.height, .width = input.width};
  int64_t channels = input.channels;
  for (size_t i = 0; i < 3; ++i) {
    side = {.height = kSplits[i].side(side.height), .width = kSplits[i].side(side.width)};
    sides_[i] = side;
    if (i == 2) break;
    const norms::ParameterTable::Scope scope(table_, cat("tokens.", i));
    token_layers_.emplace_back(TokenLayerOptions{.in = channels * kSplits[i].kernel * kSplits[i].kernel,
                                                 .out = token_dim,
                                                 .tokens = side.positions(),
                                                 .kind = model_.token_layer,
                                                 .kqv_bias = model_.token_bias},
                               config, norms_, table_);
    channels = token_dim;
  }
  project_.emplace(table_, "tokens.project", token_dim * 9, dim, LinearInit::kTruncatedNormal);
  cls_token_ = table_.add("cls_token", {1, 1, dim}, {norms::Init::kTruncatedNormal, 0.02});
  pos_embed_ = table_.add("pos_embed", {1, tokens(), dim}, {norms::Init::kZeros}, /*trainable=*/false);
  {
    const at::NoGradGuard no_grad;
    pos_embed_.get().select(0, 0).copy_(sinusoid_positions(tokens(), dim));
  }
  embed_norm_ = norms_.add(config, "embed", dim, tokens(), table_);
  for (int64_t i = 0; i < model_.depth; ++i) {
    const norms::ParameterTable::Scope scope(table_, cat("blocks.", i));
    blocks_.emplace_back(
        BlockOptions{.attention = {.dim = dim, .heads = model_.heads, .tokens = tokens(), .qkv_bias = model_.qkv_bias},
                     .hidden = mlp_hidden(dim, model_.mlp_ratio),
                     .drop_path = drop_path_rate(model_.drop_path, i, model_.depth)},
        config, norms_, table_);
  }
  final_norm_ = norms_.add(config, "final", dim, tokens(), table_);
  head_.emplace(table_, "head", dim, input_.classes, LinearInit::kTruncatedNormal);
}

at::Tensor T2tVit::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = soft_split(images, kSplits[0]);  // [B, T₀, 49·ch]
  for (size_t i = 0; i < token_layers_.size(); ++i) {
    const at::Tensor y = token_layers_[i](x, norms_, step);  // [B, T, E]
    const at::Tensor map = y.transpose(1, 2).reshape({y.size(0), y.size(2), sides_[i].height, sides_[i].width});
    x = soft_split(map, kSplits[i + 1]);
  }
  x = (*project_)(x);  // [B, T − 1, D]
  x = at::cat({cls_token_.get().to(x.scalar_type()).expand({x.size(0), 1, model_.dim}), x}, 1) + pos_embed_.get();
  x = norms_.apply(embed_norm_, x, step);
  for (const Block& block : blocks_) x = block(x, norms_, step);
  return (*head_)(norms_.apply(final_norm_, x, step).select(1, 0));
}

std::vector<FoldSite> T2tVit::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < token_layers_.size(); ++i) token_layers_[i].add_fold_sites(cat("tokens.", i), norms_, sites);
  for (size_t i = 0; i < blocks_.size(); ++i) blocks_[i].add_fold_sites(cat("blocks.", i), norms_, sites);
  norms_.add_fold_site(final_norm_, {"head"}, sites);
  return sites;
}

int64_t T2tVit::macs() const {
  int64_t total = norms_.macs();
  for (const SplitLayer& layer : token_layers_) total += layer.macs();
  return total + vit_macs({.dim = model_.dim,
                           .depth = model_.depth,
                           .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                           .tokens = tokens(),
                           .patches = sides_[2].positions(),
                           .patch_dim = 9 * model_.token_dim,
                           .classes = input_.classes});
}

}  // namespace autonorm::models
