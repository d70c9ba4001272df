#include "core/norms/registry.h"

#include <array>

#include "core/base/status.h"
#include "core/norms/dyt.h"
#include "core/norms/identity.h"
#include "core/norms/layer_norm.h"
#include "core/norms/rms_norm.h"
#include "core/norms/scale_norm.h"
#include "core/norms/selector.h"

namespace autonorm::norms {
namespace {

using config::NormConfig;
using config::NormKind;
using NormPtr = std::unique_ptr<Norm>;

NormPtr make_layer(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<LayerNorm>(LayerNormOptions{.channels = channels, .eps = config.eps, .affine = config.affine},
                                     table);
}
NormPtr make_rms(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<RmsNorm>(RmsNormOptions{.channels = channels, .eps = config.eps, .affine = config.affine},
                                   table);
}
NormPtr make_scale(const NormConfig&, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<ScaleNorm>(channels, table);
}
NormPtr make_dyt(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Dyt>(DytOptions{.channels = channels, .alpha0 = config.alpha0}, table);
}
NormPtr make_selector(const NormConfig& config, int64_t channels, const std::string& site, ParameterTable& table) {
  return std::make_unique<Selector>(config, channels, site, table);
}
NormPtr make_none(const NormConfig&, int64_t, const std::string&, ParameterTable&) {
  return std::make_unique<Identity>();
}

constexpr auto kRows = std::to_array<RegistryRow>({
    {NormKind::kLayer, "layer", make_layer},
    {NormKind::kRms, "rms", make_rms},
    {NormKind::kScale, "scale", make_scale},
    {NormKind::kDyt, "dyt", make_dyt},
    {NormKind::kSelector, "selector", make_selector},
    {NormKind::kNone, "none", make_none},
});

const RegistryRow& row(NormKind kind) {
  for (const RegistryRow& candidate : kRows) {
    if (candidate.kind == kind) return candidate;
  }
  check_failed("kind in registry", __FILE__, __LINE__, cat("norm kind ", static_cast<int>(kind)));
}

}  // namespace

std::span<const RegistryRow> registry() { return kRows; }

std::string_view norm_kind_name(NormKind kind) { return row(kind).name; }

std::unique_ptr<Norm> make_norm(const NormConfig& config, int64_t channels, const std::string& site,
                                ParameterTable& table) {
  return row(config.kind).make(config, channels, site, table);
}

}  // namespace autonorm::norms
