#include "core/norms/registry.h"

#include <array>

#include "core/base/status.h"
#include "core/norms/adyt.h"
#include "core/norms/batch_norm.h"
#include "core/norms/bhyt.h"
#include "core/norms/derf.h"
#include "core/norms/dtn.h"
#include "core/norms/dyt.h"
#include "core/norms/feature_norm.h"
#include "core/norms/group_norm.h"
#include "core/norms/identity.h"
#include "core/norms/instance_norm.h"
#include "core/norms/isru.h"
#include "core/norms/layer_norm.h"
#include "core/norms/learnable_scaler.h"
#include "core/norms/power_norm.h"
#include "core/norms/prepbn.h"
#include "core/norms/rms_norm.h"
#include "core/norms/scale.h"
#include "core/norms/scale_norm.h"
#include "core/norms/selector.h"
#include "core/norms/switchable_norm.h"
#include "core/norms/unified_norm.h"

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
NormPtr make_scale(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Scale>(ScaleOptions{.channels = channels, .scalar = config.scalar, .scale0 = config.scale0},
                                 table);
}
NormPtr make_dyt(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Dyt>(
      DytOptions{.channels = channels, .alpha0 = config.alpha0, .affine = config.affine, .bias = config.bias}, table);
}
NormPtr make_derf(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Derf>(DerfOptions{.channels = channels,
                                            .alpha0 = config.alpha0,
                                            .function = config.function,
                                            .shift = config.shift,
                                            .affine = config.affine},
                                table);
}
NormPtr make_isru(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Isru>(IsruOptions{.channels = channels, .beta0 = config.beta0, .affine = config.affine},
                                table);
}
NormPtr make_group(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<GroupNorm>(
      GroupNormOptions{.channels = channels, .groups = config.groups, .eps = config.eps, .affine = config.affine},
      table);
}
NormPtr make_instance(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<InstanceNorm>(
      InstanceNormOptions{
          .channels = channels, .eps = config.eps, .affine = config.affine, .unbiased = config.unbiased},
      table);
}
NormPtr make_scale_norm(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<ScaleNorm>(
      ScaleNormOptions{
          .channels = channels, .eps = config.eps, .affine = config.affine, .per_channel = config.per_channel},
      table);
}
NormPtr make_learnable_scaler(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<LearnableScaler>(LearnableScalerOptions{.channels = channels, .init = config.init}, table);
}
NormPtr make_bhyt(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Bhyt>(BhytOptions{.channels = channels,
                                            .eps = config.eps,
                                            .lambda0 = config.lambda,
                                            .kappa = config.kappa,
                                            .affine = config.affine,
                                            .learn_lambda = config.learn_lambda},
                                table);
}
NormPtr make_adyt(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Adyt>(AdytOptions{.channels = channels,
                                            .alpha0 = config.alpha0,
                                            .lambda = config.lambda,
                                            .beta_g = config.beta_g,
                                            .eps = config.eps,
                                            .alpha_min = config.alpha_min,
                                            .alpha_max = config.alpha_max,
                                            .affine = config.affine},
                                table);
}
NormPtr make_batch(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<BatchNorm>(BatchNormOptions{.channels = channels,
                                                      .eps = config.eps,
                                                      .affine = config.affine,
                                                      .momentum = config.momentum,
                                                      .statistics = config.statistics},
                                     table);
}
NormPtr make_feature(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<FeatureNorm>(FeatureNormOptions{.channels = channels,
                                                          .kind = config.kind,
                                                          .axis = config.axis,
                                                          .eps = config.eps,
                                                          .affine = config.affine,
                                                          .detach_stats = config.detach_stats,
                                                          .momentum = config.momentum,
                                                          .statistics = config.statistics},
                                       table);
}
NormPtr make_unified(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<UnifiedNorm>(UnifiedNormOptions{.channels = channels,
                                                          .eps = config.eps,
                                                          .window = config.window,
                                                          .window_backward = config.window_backward,
                                                          .warmup_iters = config.warmup_iters,
                                                          .decay = config.decay,
                                                          .filtration = config.filtration,
                                                          .statistics = config.statistics},
                                       table);
}
NormPtr make_power_norm(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<PowerNorm>(PowerNormOptions{.channels = channels,
                                                      .eps = config.eps,
                                                      .scale_groups = config.scale_groups,
                                                      .warmup_iters = config.warmup_iters,
                                                      .alpha_forward = config.alpha_forward,
                                                      .alpha_backward = config.alpha_backward,
                                                      .statistics = config.statistics},
                                     table);
}
NormPtr make_prepbn(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Prepbn>(PrepbnOptions{.channels = channels,
                                                .eps = config.eps,
                                                .momentum = config.momentum,
                                                .statistics = config.statistics,
                                                .warmup_iters = config.warmup_iters,
                                                .decay_iters = config.decay_iters,
                                                .lambda_start = config.lambda_start,
                                                .first = config.first,
                                                .eta0 = config.eta0,
                                                .batch_weight0 = config.batch_weight0,
                                                .count_every = config.count_every},
                                  table);
}
NormPtr make_switchable(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<SwitchableNorm>(SwitchableNormOptions{.channels = channels,
                                                                .eps = config.eps,
                                                                .form = config.form,
                                                                .decay = config.decay,
                                                                .affine = config.affine,
                                                                .statistics = config.statistics},
                                          table);
}
NormPtr make_dtn(const NormConfig& config, int64_t channels, const std::string&, ParameterTable& table) {
  return std::make_unique<Dtn>(DtnOptions{.channels = channels,
                                          .heads = config.heads,
                                          .grid = config.grid,
                                          .eps = config.eps,
                                          .only_var = config.only_var},
                               table);
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
    {NormKind::kDerf, "derf", make_derf},
    {NormKind::kIsru, "isru", make_isru},
    {NormKind::kGroup, "group", make_group},
    {NormKind::kInstance, "instance", make_instance},
    {NormKind::kScaleNorm, "scale_norm", make_scale_norm},
    {NormKind::kLearnableScaler, "learnable_scaler", make_learnable_scaler},
    {NormKind::kBhyt, "bhyt", make_bhyt},
    {NormKind::kAdyt, "adyt", make_adyt},
    {NormKind::kBatch, "batch", make_batch},
    {NormKind::kMinmax, "minmax", make_feature},
    {NormKind::kZscore, "zscore", make_feature},
    {NormKind::kFeatureMix, "feature_mix", make_feature},
    {NormKind::kUnified, "unified", make_unified},
    {NormKind::kPowerNorm, "power_norm", make_power_norm},
    {NormKind::kPrepbn, "prepbn", make_prepbn},
    {NormKind::kSwitchable, "switchable", make_switchable},
    {NormKind::kDtn, "dtn", make_dtn},
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
