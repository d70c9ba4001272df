#include "core/models/mlp.h"

#include "core/models/mac_count.h"

namespace autonorm::models {

Result<std::unique_ptr<Model>> Mlp::make(const config::TrialConfig& config, const InputShape& input,
                                         at::ScalarType dtype) {
  return std::unique_ptr<Model>(new Mlp(config, input, dtype));
}

Mlp::Mlp(const config::TrialConfig& config, const InputShape& input, at::ScalarType dtype)
    : Model(config, input, dtype) {
  for (int64_t i = 0; i < model_.layers; ++i) {
    const norms::ParameterTable::Scope scope(table_, cat("layers.", i));
    const int64_t in = i == 0 ? input_.values() : model_.hidden;
    layers_.push_back({Linear(table_, "linear", in, model_.hidden, LinearInit::kUniformFanIn),
                       norms_.add(config, "hidden", model_.hidden, /*tokens=*/1, table_)});
  }
  const int64_t in = model_.layers > 0 ? model_.hidden : input_.values();
  head_.emplace(table_, "head", in, input_.classes, LinearInit::kUniformFanIn);
}

at::Tensor Mlp::forward(const at::Tensor& images, const norms::StepContext& step) {
  at::Tensor x = images.reshape({images.size(0), input_.values()});  // [B, features]
  for (const Layer& layer : layers_) {
    x = norms_.apply(layer.norm, layer.linear(x).unsqueeze(1), step).squeeze(1).relu();  // [B, hidden]
  }
  return (*head_)(x);
}

std::vector<FoldSite> Mlp::fold_sites() const {
  std::vector<FoldSite> sites;
  for (size_t i = 0; i < layers_.size(); ++i) {
    norms_.add_fold_site_behind(layers_[i].norm, cat("layers.", i, ".linear"), sites);
  }
  return sites;
}

int64_t Mlp::macs() const {
  return mlp_macs({.features = input_.values(),
                   .hidden = model_.hidden,
                   .layers = model_.layers,
                   .classes = input_.classes}) +
         norms_.macs();
}

}  // namespace autonorm::models
