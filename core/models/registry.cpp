#include "core/models/registry.h"

#include <algorithm>
#include <array>

#include "core/config/catalogue.h"
#include "core/models/mlp.h"
#include "core/models/vit.h"

namespace autonorm::models {
namespace {

constexpr auto kRows = std::to_array<RegistryRow>({
    {config::ModelFamily::kVit, "vit", Vit::make},
    {config::ModelFamily::kMlp, "mlp", Mlp::make},
});

Status check_sites(const config::TrialConfig& config) {
  const config::Sites& sites = config::sites(config.model.family);
  std::vector<std::string> known = sites.standard;
  known.insert(known.end(), sites.optional.begin(), sites.optional.end());
  for (const auto& [site, norm] : config.norm_sites) {
    if (std::ranges::find(known, site) != known.end()) continue;
    const std::string guess = nearest(site, known);
    return invalid("norm_sites.", site, ": model family '", config::name(config.model.family), "' has the sites ",
                   join(known), guess.empty() ? "" : "; did you mean '" + guess + "'?");
  }
  return {};
}

}  // namespace

std::span<const RegistryRow> registry() { return kRows; }

Result<std::unique_ptr<Model>> make_model(const config::TrialConfig& config, const InputShape& input,
                                          at::ScalarType dtype) {
  AUTONORM_RETURN_IF_ERROR(check_sites(config));
  for (const RegistryRow& row : kRows) {
    if (row.family == config.model.family) return row.make(config, input, dtype);
  }
  return internal("model family ", static_cast<int>(config.model.family), " has no factory");
}

}  // namespace autonorm::models
