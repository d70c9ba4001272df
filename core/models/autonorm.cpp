#include "core/models/autonorm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <algorithm>

#include "core/config/catalogue.h"
#include "core/models/block.h"
#include "core/models/mac_count.h"
#include "core/models/patches.h"

namespace autonorm::models {
namespace {

constexpr int64_t kColours = 3;
constexpr int64_t kPositionSide = 8;

Status check_autonorm_shapes(const config::ModelConfig& model, const InputShape& input) {
  if (model.family == config::ModelFamily::kAutonormCorrected) {
    AUTONORM_RETURN_IF_ERROR(check_heads("heads", model.heads, "dim", model.dim));
  }
  if (model.input == config::ModelInput::kTable) return {};
  if (input.channels != 1 && input.channels != kColours) {
    return invalid("model.family = '", config::name(model.family), "' takes images of 1 or 3 channels, not ",
                   input.channels);
  }
  return check_patch(model.patch, input);
}

int64_t se_hidden(int64_t dim) { return std::max<int64_t>(8, dim / 4); }

}  // namespace

Result<std::unique_ptr<Model>> AutoNorm::make(const config::TrialConfig& config, const InputShape& input,
                                              at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_autonorm_shapes(config.model, input));
  return std::unique_ptr<Model>(new AutoNorm(config, input, dtype));
}

AutoNorm::AutoNorm(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  const int64_t in = table_input() ? input_.values() : kColours * model_.patch * model_.patch;
  embed_.emplace(table_, table_input() ? "table_embed" : "patch_embed", in, model_.dim, LinearInit::kUniformFanIn);
  if (!table_input()) {
    cls_token_ = table_.add("cls_token", {1, 1, model_.dim}, {norms::Init::kTruncatedNormal, 0.02});
    pos_embed_ = table_.add("pos_embed", {1, model_.dim, kPositionSide, kPositionSide}, {norms::Init::kNormal, 0.02});
  }
  embed_norm_ = norms_.add(config, "embed", model_.dim, tokens(), table_);
  for (int64_t i = 0; i < model_.depth; ++i) layers_.push_back(make_layer(config, i));
  if (corrected()) final_norm_ = norms_.add(config, "final", model_.dim, tokens(), table_);
  head_.emplace(table_, "head", model_.dim, input_.classes, LinearInit::kUniformFanIn);
}

AutoNorm::Layer AutoNorm::make_layer(const config::TrialConfig& config, int64_t index) {
  const norms::ParameterTable::Scope scope(table_, cat("blocks.", index));
  std::optional<AttentionPart> attention;
  if (corrected()) attention.emplace(make_attention(config, index));
  return Layer{.attention = std::move(attention), .mlp = make_mlp(config, index)};
}

AutoNorm::AttentionPart AutoNorm::make_attention(const config::TrialConfig& config, int64_t index) {
  const int64_t dim = model_.dim;
  const NormSite pre = norms_.add(config, "pre_attn", dim, tokens(), table_);
  const NormSite post = norms_.add(config, "post_attn", dim, tokens(), table_);
  return AttentionPart{
      .attention = Attention({.dim = dim,
                              .heads = model_.heads,
                              .tokens = tokens(),
                              .qkv_init = LinearInit::kXavier,  // nn.MultiheadAttention's
                              .proj_init = LinearInit::kUniformNoBias},
                             config, norms_, table_),
      .gain = table_.add("attn_scale", {dim}, {norms::Init::kConstant, model_.layer_scale}),
      .path = DropPath(config.seed, table_.full_name("attn"), drop_path_rate(model_.drop_path, index, model_.depth)),
      .pre = pre,
      .post = post};
}

AutoNorm::MlpPart AutoNorm::make_mlp(const config::TrialConfig& config, int64_t index) {
  const int64_t dim = model_.dim, hidden = mlp_hidden(dim, model_.mlp_ratio), bottleneck = se_hidden(dim);
  const auto linear = [&](const char* name, int64_t in, int64_t out) {
    return Linear(table_, name, in, out, LinearInit::kUniformFanIn);
  };
  const auto dropout = [&](const char* name) { return Dropout(config.seed, table_.full_name(name), model_.dropout); };
  return MlpPart{
      .fc1 = linear("mlp.fc1", dim, hidden),
      .fc2 = linear("mlp.fc2", hidden, dim),
      .squeeze = linear("se.fc1", dim, bottleneck),
      .excite = linear("se.fc2", bottleneck, dim),
      .gain = table_.add("mlp_scale", {dim}, {norms::Init::kConstant, model_.layer_scale}),
      .drop_hidden = dropout("mlp.hidden"),
      .drop_out = dropout("mlp.out"),
      .path = DropPath(config.seed, table_.full_name("mlp"), drop_path_rate(model_.drop_path, index, model_.depth)),
      .pre = corrected() ? norms_.add(config, "pre_ffn", dim, tokens(), table_) : NormSite{},
      .post = norms_.add(config, "post_ffn", dim, tokens(), table_)};
}

at::Tensor AutoNorm::embed(const at::Tensor& images) const {
  if (table_input()) return (*embed_)(images.reshape({images.size(0), 1, input_.values()}));  // [B, 1, D]
  const at::Tensor colours =
      images.size(1) == kColours ? images : images.expand({images.size(0), kColours, input_.height, input_.width});
  at::Tensor x = (*embed_)(image_patches(colours, model_.patch));  // [B, N, D]
  const int64_t rows = input_.height / model_.patch, columns = input_.width / model_.patch;
  const at::Tensor map = at::upsample_bilinear2d(pos_embed_.get(), {rows, columns}, /*align_corners=*/false);
  x = x + map.flatten(2).transpose(1, 2);  // [1, N, D]
  return at::cat({cls_token_.get().to(x.scalar_type()).expand({x.size(0), 1, model_.dim}), x}, 1);
}

at::Tensor AutoNorm::run_attention(const AttentionPart& part, const at::Tensor& x,
                                   const norms::StepContext& step) const {
  const at::Tensor y = part.attention(norms_.apply(part.pre, x, step), norms_, step);
  return norms_.apply(part.post, x + part.path(y * part.gain.get(), step), step);
}

at::Tensor AutoNorm::run_mlp(const MlpPart& part, const at::Tensor& x, const norms::StepContext& step) const {
  at::Tensor y = part.drop_hidden(at::gelu(part.fc1(norms_.apply(part.pre, x, step))), step);
  y = part.drop_out(part.fc2(y), step);                                              // [B, T, D]
  const at::Tensor gate = part.excite(at::gelu(part.squeeze(y.mean(1)))).sigmoid();  // [B, D]
  y = y * gate.unsqueeze(1) * part.gain.get();
  return norms_.apply(part.post, x + part.path(y, step), step);
}

at::Tensor AutoNorm::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = norms_.apply(embed_norm_, embed(images), step);  // [B, T, D]
  for (const Layer& layer : layers_) {
    if (layer.attention) x = run_attention(*layer.attention, x, step);
    x = run_mlp(layer.mlp, x, step);
  }
  return (*head_)(norms_.apply(final_norm_, x, step).select(1, 0));
}

// As published, every norm feeds a residual sum, too.
std::vector<FoldSite> AutoNorm::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string scope = cat("blocks.", i);
    const Layer& layer = layers_[i];
    if (layer.attention) norms_.add_fold_site(layer.attention->pre, {scope + ".attn.qkv"}, sites);
    norms_.add_fold_site(layer.mlp.pre, {scope + ".mlp.fc1"}, sites);
  }
  norms_.add_fold_site(final_norm_, {"head"}, sites);
  return sites;
}

int64_t AutoNorm::macs() const {
  return autonorm_macs({.dim = model_.dim,
                        .depth = model_.depth,
                        .hidden = mlp_hidden(model_.dim, model_.mlp_ratio),
                        .patches = table_input() ? 0 : input_.patches(model_.patch),
                        .patch_dim = kColours * model_.patch * model_.patch,
                        .features = input_.values(),
                        .outputs = input_.classes,
                        .attention = corrected()}) +
         norms_.macs();
}

}  // namespace autonorm::models
