#include "core/models/fold.h"

#include <ATen/core/grad_mode.h>

#include <map>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/norms/fold.h"

namespace autonorm::models {
namespace {

using config::ModelFamily;
using config::NormKind;

// What becomes of each site of the family.
struct FoldPlan {
  std::map<std::string, config::NormConfig> rest;  // of the norms that fold
  std::vector<KeptSite> kept;
};

// Why no Linear can take over what the norms of a site end with.
std::string site_obstacle(const std::string& site, ModelFamily family) {
  if (site == "qk") return "attention multiplies queries and keys after it";
  if (site == "final" && family == ModelFamily::kFtTransformer) return "a ReLU reads its output";
  if (site == "final" && family == ModelFamily::kVit) return "the norm at site head reads its output";
  return "its output enters the residual stream";
}

FoldPlan plan_fold(const config::TrialConfig& config, const Model& trained) {
  std::map<std::string, size_t> norms, foldable;  // by site of the family
  std::set<std::string> before;
  for (const auto& [place, site] : trained.norm_places()) ++norms[site];
  for (const FoldSite& one : trained.fold_sites()) {
    const std::string& site = trained.norm_places().at(one.site);
    ++foldable[site];
    if (one.before) before.insert(site);
  }
  FoldPlan plan;
  for (const auto& [site, count] : norms) {
    const config::NormConfig norm = config.norm_at(site);
    if (norm.kind == NormKind::kNone) continue;
    const auto rest = norms::folded_config(norm);
    if (foldable[site] < count) {
      plan.kept.push_back({site, site_obstacle(site, config.model.family)});
    } else if (!rest) {
      plan.kept.push_back({site, norms::fold_obstacle(norm)});
    } else if (before.contains(site) && rest->kind != NormKind::kNone) {
      plan.kept.push_back({site, cat("a ReLU reads its output, and '", config::name(norm.kind),
                                     "' is more than a scale and a shift of the layer before")});
    } else {
      plan.rest[site] = *rest;
    }
  }
  return plan;
}

// The configuration of the folded model. A site that folds keeps what is left of its norm; a shift needs a bias.
config::TrialConfig folded_config(const config::TrialConfig& config, const FoldPlan& plan) {
  config::TrialConfig folded = config;
  for (const auto& [site, rest] : plan.rest) folded.norm_sites[site] = rest;
  if (plan.rest.contains("pre_attn")) folded.model.qkv_bias = true;
  if (plan.rest.contains("token")) folded.model.token_bias = true;
  if (plan.rest.contains("stem") || plan.rest.contains("block")) folded.model.conv_bias = true;
  return folded;
}

using ByName = std::map<std::string, at::Tensor>;

ByName tensors_of(const norms::ParameterTable& table) {
  ByName all;
  for (const norms::Parameter& parameter : table.parameters()) all[parameter.name] = parameter.value;
  for (const norms::Buffer& buffer : table.buffers()) all[buffer.name] = buffer.value;
  return all;
}

// What the trained model has under the same name; a bias that only the folded one has begins at 0.
void take_over(const ByName& trained, norms::ParameterTable& table) {
  const at::NoGradGuard no_grad;
  for (const auto& [name, target] : tensors_of(table)) {
    const auto found = trained.find(name);
    AUTONORM_CHECK(found != trained.end() || name.ends_with(".bias"), "the trained model has no tensor ", name);
    found == trained.end() ? target.zero_() : target.copy_(found->second);
  }
}

void fold_site(const FoldSite& site, const ByName& target) {
  const auto fold = site.norm->fold();
  AUTONORM_CHECK(fold.has_value(), "norms/fold.h promised a fold of ", site.site);
  for (const std::string& linear : site.linears) {
    const at::Tensor &weight = target.at(linear + ".weight"), &bias = target.at(linear + ".bias");
    site.before ? norms::fold_into_linear_before(*fold, weight, bias) : norms::fold_into_linear(*fold, weight, bias);
  }
}

Status nothing_to_fold(const std::vector<KeptSite>& kept) {
  if (kept.empty()) return invalid("no norm of this model can be folded: every site has 'none'");
  std::vector<std::string> reasons;
  reasons.reserve(kept.size());
  for (const KeptSite& one : kept) reasons.push_back(one.site + ": " + one.why);
  return invalid("no norm of this model can be folded: ", join(reasons, "; "));
}

}  // namespace

Result<FoldedModel> fold(const config::TrialConfig& config, const Model& trained, const InputShape& input) {
  const FoldPlan plan = plan_fold(config, trained);
  if (plan.rest.empty()) return nothing_to_fold(plan.kept);
  FoldedModel folded{.config = folded_config(config, plan), .model = nullptr, .sites = {}, .kept = plan.kept};
  auto model = make_model(folded.config, input);
  if (!model.ok()) return model.status().with_context("the folded model");
  folded.model = std::move(*model);
  take_over(tensors_of(trained.table()), folded.model->table());
  const ByName target = tensors_of(folded.model->table());
  const at::NoGradGuard no_grad;
  for (const FoldSite& site : trained.fold_sites()) {
    if (!plan.rest.contains(trained.norm_places().at(site.site))) continue;
    fold_site(site, target);
    folded.sites.push_back({site.site, site.linears});
  }
  return folded;
}

}  // namespace autonorm::models
