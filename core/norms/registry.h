// The one list of normalizers: kind, name and factory. A test compares it with core/config's catalogue.
// A new norm is one pair of files, one row here and one row there.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/norms/norm.h"

namespace autonorm::norms {

struct RegistryRow {
  config::NormKind kind;
  std::string_view name;  // as in sweep files
  std::unique_ptr<Norm> (*make)(const config::NormConfig& config, int64_t channels, const std::string& site,
                                ParameterTable& table);
};

std::span<const RegistryRow> registry();
std::string_view norm_kind_name(config::NormKind kind);

}  // namespace autonorm::norms
