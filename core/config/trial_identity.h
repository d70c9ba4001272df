// The ids of one configuration under many seeds, without building its canonical form anew for each.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/config/trial_config.h"

namespace autonorm::config {

class CellIdentity {
 public:
  explicit CellIdentity(const TrialConfig& config);
  // Equals trial_id() of the configuration with this seed and, when it distils, this trial as the stage's.
  TrialId trial_id(uint64_t seed, const std::optional<TrialId>& teacher) const;

 private:
  // The canonical text for seed 0, which is not written, and for one that is; with the places to put others.
  std::string without_seed_, with_seed_;
  std::string seed_;               // `"key":value` as it stands there
  std::vector<std::string> from_;  // likewise, of what the trial waits for
};

}  // namespace autonorm::config
