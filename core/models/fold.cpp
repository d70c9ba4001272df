#include "core/models/fold.h"

#include <ATen/core/grad_mode.h>

#include <map>
#include <set>

#include "core/base/text.h"
#include "core/config/catalogue.h"
#include "core/norms/fold.h"

namespace autonorm::models {
namespace {

// The configuration of the folded model. A site that folds keeps what is left of its norm.
config::TrialConfig folded_config(const config::TrialConfig& config, const Model& trained) {
  config::TrialConfig folded = config;
  std::set<std::string> kinds;
  for (const FoldSite& site : trained.fold_sites()) kinds.insert(trained.norm_places().at(site.site));
  for (const std::string& kind : kinds) {
    if (auto rest = norms::folded_config(config.norm_at(kind))) folded.norm_sites[kind] = *rest;
  }
  folded.model.qkv_bias = true;  // a shift needs one
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
  const auto take = [&](const std::string& name, const at::Tensor& target) {
    const auto found = trained.find(name);
    found == trained.end() ? target.zero_() : target.copy_(found->second);
  };
  for (const norms::Parameter& parameter : table.parameters()) take(parameter.name, parameter.value);
  for (const norms::Buffer& buffer : table.buffers()) take(buffer.name, buffer.value);
}

}  // namespace

Result<FoldedModel> fold(const config::TrialConfig& config, const Model& trained, const InputShape& input) {
  const std::vector<FoldSite> sites = trained.fold_sites();
  FoldedModel folded{.config = folded_config(config, trained), .model = nullptr, .sites = {}};
  auto model = make_model(folded.config, input);
  if (!model.ok()) return model.status().with_context("the folded model");
  folded.model = std::move(*model);
  take_over(tensors_of(trained.table()), folded.model->table());
  const ByName target = tensors_of(folded.model->table());
  for (const FoldSite& site : sites) {
    const auto what = site.norm->fold();
    if (!what) continue;
    norms::fold_into_linear(*what, target.at(site.linear + ".weight"), target.at(site.linear + ".bias"));
    folded.sites.push_back({site.site, site.linear});
  }
  if (!folded.sites.empty()) return folded;
  return invalid(
      "no norm of this model can be folded: its norm is '", config::name(config.norm.kind),
      "', and only norms that end with a scale and a shift before one Linear fold (not dtn, selector, or norms in "
      "the residual stream or before a ReLU)");
}

}  // namespace autonorm::models
