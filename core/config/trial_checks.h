// The checks that need more than one key. Internal.
#pragma once
#include "core/config/diagnostics.h"
#include "core/config/trial_config.h"
#include "core/config/value.h"

namespace autonorm::config {

// Adds an error for each contradiction, at its place in `root`.
void check_model(const TrialConfig& config, const Value& root, Diagnostics& diagnostics);

}  // namespace autonorm::config
