// From a tree of values to a TrialConfig, strictly: what is absent gets its default, everything else is checked.
#pragma once
#include "core/config/diagnostics.h"
#include "core/config/trial_config.h"
#include "core/config/value.h"

namespace autonorm::config {

// Reads the whole tree, reporting every error to `diagnostics`; the result is meaningful only when none was added.
// A site of norm_sites may be the word "norm": it then gets what `norm` says.
TrialConfig read_trial(const Value& root, Diagnostics& diagnostics);

// What one key cannot see: patch divides the image, heads divides dim, weights per branch, sites of the family, batch
// and ranks, checkpoint_every and log_every. `root` serves for places only.
void check_trial(const TrialConfig& config, const Value& root, Diagnostics& diagnostics);

// The keys that a trial's table may have at its top.
const std::vector<std::string>& trial_sections();

}  // namespace autonorm::config
