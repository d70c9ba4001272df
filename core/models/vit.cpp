#include "core/models/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>

#include <cmath>

#include "core/models/mac_count.h"

namespace autonorm::models {
namespace {

constexpr norms::InitSpec kEmbeddingInit{norms::Init::kTruncatedNormal, 0.02};

int64_t mlp_hidden(const config::ModelConfig& model) {
  return std::llround(static_cast<double>(model.dim) * model.mlp_ratio);
}

Status check_shapes(const config::ModelConfig& model, const InputShape& input) {
  if (input.height % model.patch != 0 || input.width % model.patch != 0) {
    return invalid("model.patch = ", model.patch, " does not divide the images of ", input.height, "x", input.width,
                   " pixels; choose a common divisor of both sides");
  }
  if (model.dim % model.heads != 0) {
    return invalid("model.heads = ", model.heads, " does not divide model.dim = ", model.dim,
                   "; choose dim as a multiple of heads");
  }
  if (mlp_hidden(model) < 1) {
    return invalid("model.mlp_ratio = ", model.mlp_ratio, " leaves the MLP no hidden unit at model.dim = ", model.dim,
                   "; choose a larger ratio");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Model>> Vit::make(const config::TrialConfig& config, const InputShape& input,
                                         at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_shapes(config.model, input));
  return std::unique_ptr<Model>(new Vit(config, input, dtype));
}

Vit::Vit(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : model_(config.model), input_(input), table_(config.seed, dtype) {
  patch_embed_.emplace(table_, "patch_embed", patch_dim(), model_.dim, LinearInit::kTruncatedNormal);
  if (model_.pool == config::Pool::kCls) cls_token_ = table_.add("cls_token", {1, 1, model_.dim}, kEmbeddingInit);
  pos_embed_ = table_.add("pos_embed", {1, tokens(), model_.dim}, kEmbeddingInit);
  embed_norm_ = norms_.add(config, "embed", model_.dim, tokens(), table_);
  for (int64_t i = 0; i < model_.depth; ++i) blocks_.push_back(make_block(config, i));
  final_norm_ = norms_.add(config, "final", model_.dim, tokens(), table_);
  head_.emplace(table_, "head", model_.dim, input_.classes, LinearInit::kTruncatedNormal);
}

Vit::Block Vit::make_block(const config::TrialConfig& config, int64_t index) {
  const norms::ParameterTable::Scope scope(table_, cat("blocks.", index));
  const auto site = [&](const char* kind) { return norms_.add(config, kind, model_.dim, tokens(), table_); };
  const int64_t hidden = mlp_hidden(model_);
  return Block{
      .pre_attn = site("pre_attn"),
      .post_attn = site("post_attn"),
      .pre_ffn = site("pre_ffn"),
      .post_ffn = site("post_ffn"),
      .attention = Attention({.dim = model_.dim, .heads = model_.heads, .qkv_bias = model_.qkv_bias}, table_),
      .fc1 = Linear(table_, "mlp.fc1", model_.dim, hidden, LinearInit::kTruncatedNormal),
      .fc2 = Linear(table_, "mlp.fc2", hidden, model_.dim, LinearInit::kTruncatedNormal),
  };
}

at::Tensor Vit::patches(const at::Tensor& images) const {
  const int64_t p = model_.patch, rows = input_.height / p, columns = input_.width / p;
  // The layout of a patch is (channel, row, column): a convolution's kernel of p × p with stride p, flattened.
  return images.reshape({images.size(0), input_.channels, rows, p, columns, p})
      .permute({0, 2, 4, 1, 3, 5})
      .reshape({images.size(0), rows * columns, patch_dim()});
}

at::Tensor Vit::embed(const at::Tensor& images) const {
  at::Tensor x = (*patch_embed_)(patches(images));  // [B, T or T−1, D]
  if (cls_token_) x = at::cat({cls_token_.get().to(x.scalar_type()).expand({x.size(0), 1, model_.dim}), x}, 1);
  return x + pos_embed_.get();
}

at::Tensor Vit::run_block(const Block& block, at::Tensor x, const norms::StepContext& step) const {
  x = x + block.attention(norms_.apply(block.pre_attn, x, step));
  x = norms_.apply(block.post_attn, x, step);
  x = x + block.fc2(at::gelu(block.fc1(norms_.apply(block.pre_ffn, x, step))));
  return norms_.apply(block.post_ffn, x, step);
}

at::Tensor Vit::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = norms_.apply(embed_norm_, embed(images), step);  // [B, T, D]
  for (const Block& block : blocks_) x = run_block(block, x, step);
  x = norms_.apply(final_norm_, x, step);
  return (*head_)(model_.pool == config::Pool::kCls ? x.select(1, 0) : x.mean(1));
}

int64_t Vit::macs() const {
  return vit_macs({.dim = model_.dim,
                   .depth = model_.depth,
                   .hidden = mlp_hidden(model_),
                   .tokens = tokens(),
                   .patches = patch_count(),
                   .patch_dim = patch_dim(),
                   .classes = input_.classes}) +
         norms_.macs();
}

}  // namespace autonorm::models
