#include "core/models/block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>

#include <cmath>

#include "core/models/penalties.h"

namespace autonorm::models {

Block::Sites Block::make_sites(const BlockOptions& options, const config::TrialConfig& config, NormSites& norms,
                               norms::ParameterTable& table) {
  // In this order: it is that of the parameters.
  const auto site = [&](const std::string& name) {
    const bool shared = !options.every_site.empty();
    if (shared && name.starts_with("post_")) return NormSite{};
    return norms.add(config, shared ? options.every_site : name, name, options.attention.dim, options.attention.tokens,
                     table);
  };
  return Sites{.pre_attn = site("pre_attn"),
               .post_attn = site("post_attn"),
               .pre_ffn = site("pre_ffn"),
               .post_ffn = site("post_ffn")};
}

Block::Block(const BlockOptions& options, const config::TrialConfig& config, NormSites& norms,
             norms::ParameterTable& table)
    : feature_decay_(options.feature_decay),
      feature_limit_(options.feature_limit),
      sites_(make_sites(options, config, norms, table)),
      attention_(options.attention, config, norms, table),
      fc1_(table, "mlp.fc1", options.attention.dim, options.hidden, options.ffn_init),
      fc2_(table, "mlp.fc2", options.hidden, options.attention.dim, options.ffn_init),
      drop_attn_(config.seed, table.full_name("attn"), options.drop_path),
      drop_ffn_(config.seed, table.full_name("mlp"), options.drop_path) {}

at::Tensor Block::operator()(at::Tensor x, const NormSites& norms, const norms::StepContext& step) const {
  x = x + drop_attn_(attention_(norms.apply(sites_.pre_attn, x, step), norms, step), step);
  penalize(x, step);
  x = norms.apply(sites_.post_attn, x, step);
  x = x + drop_ffn_(fc2_(at::gelu(fc1_(norms.apply(sites_.pre_ffn, x, step)))), step);
  penalize(x, step);
  return norms.apply(sites_.post_ffn, x, step);
}

void Block::penalize(const at::Tensor& x, const norms::StepContext& step) const {
  if (feature_decay_ == 0 || !step.wants_penalty()) return;
  step.add_penalty(beyond_limit(x, feature_limit_) * feature_decay_);
}

void Block::add_fold_sites(const std::string& scope, const NormSites& norms, std::vector<FoldSite>& sites) const {
  norms.add_fold_site(sites_.pre_attn, {scope + ".attn.qkv"}, sites);
  norms.add_fold_site(sites_.pre_ffn, {scope + ".mlp.fc1"}, sites);
}

int64_t mlp_hidden(int64_t dim, double ratio) { return std::llround(static_cast<double>(dim) * ratio); }

}  // namespace autonorm::models
