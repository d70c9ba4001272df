// The one list of model families: family, name and factory. A test compares it with core/config's catalogue.
#pragma once
#include <memory>
#include <span>
#include <string_view>

#include "core/models/model.h"

namespace autonorm::models {

struct RegistryRow {
  config::ModelFamily family;
  std::string_view name;  // as in sweep files
  Result<std::unique_ptr<Model>> (*make)(const config::TrialConfig& config, const InputShape& input,
                                         at::ScalarType dtype);
};

std::span<const RegistryRow> registry();

}  // namespace autonorm::models
