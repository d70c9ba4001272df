#include "core/models/registry.h"

#include <algorithm>
#include <array>

#include "core/config/catalogue.h"
#include "core/config/norm_misfits.h"
#include "core/models/autonorm.h"
#include "core/models/autonorm_v0.h"
#include "core/models/ft_transformer.h"
#include "core/models/mae.h"
#include "core/models/mlp.h"
#include "core/models/resnet.h"
#include "core/models/t2t_vit.h"
#include "core/models/vit.h"

namespace autonorm::models {
namespace {

constexpr auto kRows = std::to_array<RegistryRow>({
    {config::ModelFamily::kVit, "vit", Vit::make},
    {config::ModelFamily::kMlp, "mlp", Mlp::make},
    {config::ModelFamily::kAutonorm, "autonorm", AutoNorm::make},
    {config::ModelFamily::kAutonormV0, "autonorm_v0", AutoNormV0::make},
    {config::ModelFamily::kAutonormCorrected, "autonorm_corrected", AutoNorm::make},
    {config::ModelFamily::kMae, "mae", Mae::make},
    {config::ModelFamily::kT2tVit, "t2t_vit", T2tVit::make},
    {config::ModelFamily::kFtTransformer, "ft_transformer", FtTransformer::make},
    {config::ModelFamily::kResnet, "resnet", Resnet::make},
});

Status check_sites(const config::TrialConfig& config) {
  const std::vector<std::string> known = config::sites(config.model.family).all();
  for (const auto& [site, norm] : config.norm_sites) {
    if (std::ranges::find(known, site) != known.end()) continue;
    const std::string guess = nearest(site, known);
    return invalid("norm_sites.", site, ": model family '", config::name(config.model.family), "' has the sites ",
                   join(known), guess.empty() ? "" : "; did you mean '" + guess + "'?");
  }
  return {};
}

// The plan could not know the shape of a user's own images.
Status check_norms(const config::TrialConfig& config, const InputShape& input) {
  const auto misfits = config::norm_misfits(
      config, config::ImageShape{.channels = input.channels, .height = input.height, .width = input.width});
  return misfits.empty() ? Status{} : invalid(misfits.front().text);
}

}  // namespace

Reconstruction Model::reconstruct(const at::Tensor&, const norms::StepContext&) {
  check_failed("a model that reconstructs", __FILE__, __LINE__, "it has logits");
}

std::span<const RegistryRow> registry() { return kRows; }

Result<std::unique_ptr<Model>> make_model(const config::TrialConfig& config, const InputShape& input,
                                          at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_sites(config));
  AUTONORM_RETURN_IF_ERROR(check_norms(config, input));
  for (const RegistryRow& row : kRows) {
    if (row.family == config.model.family) return row.make(config, input, dtype);
  }
  return internal("model family ", static_cast<int>(config.model.family), " has no factory");
}

}  // namespace autonorm::models
