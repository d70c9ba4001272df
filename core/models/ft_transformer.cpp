#include "core/models/ft_transformer.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/matmul.h>

#include <cmath>

#include "core/models/attention.h"
#include "core/norms/mac_rules.h"

namespace autonorm::models {
namespace {

Status check_ft_shapes(const config::ModelConfig& model) {
  AUTONORM_RETURN_IF_ERROR(check_heads("heads", model.heads, "dim", model.dim));
  if (reglu_hidden(model.dim, model.mlp_ratio) < 1) {
    return invalid("model.mlp_ratio = ", model.mlp_ratio, " leaves the MLP no hidden unit at model.dim = ", model.dim,
                   "; choose a larger ratio");
  }
  return {};
}

}  // namespace

int64_t reglu_hidden(int64_t dim, double ratio) { return static_cast<int64_t>(static_cast<double>(dim) * ratio); }

Result<std::unique_ptr<Model>> FtTransformer::make(const config::TrialConfig& config, const InputShape& input,
                                                   at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_ft_shapes(config.model));
  return std::unique_ptr<Model>(new FtTransformer(config, input, dtype));
}

FtTransformer::FtTransformer(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  const double bound = 1.0 / std::sqrt(static_cast<double>(model_.dim));
  const norms::InitSpec init{norms::Init::kUniform, bound};
  token_weight_ = table_.add("tokenizer.weight", {input_.values() + 1, model_.dim}, init);
  token_bias_ = table_.add("tokenizer.bias", {input_.values(), model_.dim}, init);
  for (norms::Parameter& parameter : table_.parameters()) parameter.decay = false;
  for (int64_t i = 0; i < model_.depth; ++i) layers_.push_back(make_layer(config, i));
  if (model_.prenorm) final_norm_ = norms_.add(config, "final", model_.dim, /*tokens=*/1, table_);
  head_.emplace(table_, "head", model_.dim, input_.classes, LinearInit::kUniformFanIn);
}

FtTransformer::Layer FtTransformer::make_layer(const config::TrialConfig& config, int64_t index) {
  const norms::ParameterTable::Scope scope(table_, cat("blocks.", index));
  const int64_t dim = model_.dim, hidden = reglu_hidden(dim, model_.mlp_ratio);
  const bool last = index + 1 == model_.depth;
  const int64_t all = input_.values() + 1, after = last ? 1 : all;
  const auto site = [&](const char* kind, int64_t count) { return norms_.add(config, kind, dim, count, table_); };
  const auto projection = [&](const char* name) { return Linear(table_, name, dim, dim, LinearInit::kUniformNoBias); };
  const auto dropout = [&](const char* name, double p) { return Dropout(config.seed, table_.full_name(name), p); };
  NormSite attn_norm;
  if (model_.prenorm) {
    if (index > 0) attn_norm = site("pre_attn", all);
  } else {
    attn_norm = site("post_attn", after);
  }
  return Layer{.attn_norm = attn_norm,
               .ffn_norm = site(model_.prenorm ? "pre_ffn" : "post_ffn", after),
               .q = projection("attn.q"),
               .k = projection("attn.k"),
               .v = projection("attn.v"),
               .out = projection("attn.out"),
               .linear0 = Linear(table_, "ffn.linear0", dim, 2 * hidden, LinearInit::kUniformFanIn),
               .linear1 = Linear(table_, "ffn.linear1", hidden, dim, LinearInit::kUniformFanIn),
               .drop_attention = dropout("attention", model_.attention_dropout),
               .drop_ffn = dropout("ffn", model_.ffn_dropout),
               .drop_attn_residual = dropout("attn_residual", model_.residual_dropout),
               .drop_ffn_residual = dropout("ffn_residual", model_.residual_dropout)};
}

at::Tensor FtTransformer::tokens(const at::Tensor& images) const {
  const at::Tensor values = images.reshape({images.size(0), input_.values(), 1});  // [B, F, 1]
  const at::Tensor weight = token_weight_.get();
  const at::Tensor each = values * weight.narrow(0, 1, input_.values()) + token_bias_.get();  // [B, F, D]
  const at::Tensor cls = weight.narrow(0, 0, 1).expand({images.size(0), 1, model_.dim});      // [B, 1, D]
  return at::cat({cls.to(each.scalar_type()), each}, 1);
}

at::Tensor FtTransformer::attend(const Layer& layer, const at::Tensor& queries, const at::Tensor& x,
                                 const norms::StepContext& step) const {
  const int64_t batch = x.size(0), heads = model_.heads, head_dim = model_.dim / heads;
  const auto split = [&](const at::Tensor& y) {
    return y.view({batch, y.size(1), heads, head_dim}).transpose(1, 2);  // [B, H, T, d_h]
  };
  const at::Tensor scores = at::matmul(split(layer.q(queries)), split(layer.k(x)).transpose(-2, -1)) /
                            std::sqrt(static_cast<double>(head_dim));
  const at::Tensor weights = layer.drop_attention(scores.softmax(-1), step);  // [B, H, Q, T]
  const at::Tensor mixed = at::matmul(weights, split(layer.v(x)));            // [B, H, Q, d_h]
  return layer.out(mixed.transpose(1, 2).reshape({batch, queries.size(1), model_.dim}));
}

at::Tensor FtTransformer::run_layer(const Layer& layer, const at::Tensor& x, bool last,
                                    const norms::StepContext& step) const {
  const at::Tensor inner = model_.prenorm ? norms_.apply(layer.attn_norm, x, step) : x;
  const auto asked = [&](const at::Tensor& y) { return last ? y.narrow(1, 0, 1) : y; };
  at::Tensor y = asked(x) + layer.drop_attn_residual(attend(layer, asked(inner), inner, step), step);
  if (!model_.prenorm) y = norms_.apply(layer.attn_norm, y, step);
  const at::Tensor halves = layer.linear0(model_.prenorm ? norms_.apply(layer.ffn_norm, y, step) : y);
  const std::vector<at::Tensor> parts = halves.chunk(2, -1);
  const at::Tensor ffn = layer.linear1(layer.drop_ffn(parts[0] * parts[1].relu(), step));
  y = y + layer.drop_ffn_residual(ffn, step);
  return model_.prenorm ? y : norms_.apply(layer.ffn_norm, y, step);
}

at::Tensor FtTransformer::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = tokens(images);  // [B, F + 1, D]
  for (size_t i = 0; i < layers_.size(); ++i) x = run_layer(layers_[i], x, i + 1 == layers_.size(), step);
  return (*head_)(norms_.apply(final_norm_, x, step).relu().select(1, 0));  // x [B, 1, D]
}

// The final norm's output passes a ReLU first.
std::vector<FoldSite> FtTransformer::fold_sites() const {
  std::vector<FoldSite> sites;
  if (!model_.prenorm) return sites;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string scope = cat("blocks.", i);
    norms_.add_fold_site(layers_[i].attn_norm, {scope + ".attn.q", scope + ".attn.k", scope + ".attn.v"}, sites);
    norms_.add_fold_site(layers_[i].ffn_norm, {scope + ".ffn.linear0"}, sites);
  }
  return sites;
}

int64_t FtTransformer::macs() const {
  const int64_t dim = model_.dim, all = input_.values() + 1, hidden = reglu_hidden(dim, model_.mlp_ratio);
  int64_t total = input_.values() * dim;  // the tokenizer's products
  for (int64_t i = 0; i < model_.depth; ++i) {
    const int64_t asked = i + 1 == model_.depth ? 1 : all;
    total += norms::linear_macs(dim, 2 * dim, all) + norms::linear_macs(dim, 2 * dim, asked);  // k, v; q, out
    total += 2 * asked * all * dim;
    total += norms::linear_macs(dim, 2 * hidden, asked) + norms::linear_macs(hidden, dim, asked);
  }
  return total + norms::linear_macs(dim, input_.classes, 1) + norms_.macs();
}

}  // namespace autonorm::models
