// The ids of one configuration under many seeds, without building its canonical form anew for each.
#pragma once
#include <nlohmann/json.hpp>
#include <optional>

#include "core/config/trial_config.h"

namespace autonorm::config {

class CellIdentity {
 public:
  explicit CellIdentity(const TrialConfig& config);
  // Equals trial_id() of the configuration with this seed and, when it distils, this trial as the stage's.
  TrialId trial_id(uint64_t seed, const std::optional<TrialId>& teacher);

 private:
  nlohmann::json identity_;
};

}  // namespace autonorm::config
