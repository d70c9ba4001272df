// Whether a trial can start from the trained weights of a stage, as far as the two configurations tell.
#pragma once
#include <optional>

#include "core/config/norm_misfits.h"
#include "core/config/trial_config.h"

namespace autonorm::config {

// A classifier that takes over the encoder of a masked autoencoder: the same tensors under the same names.
bool takes_encoder(const TrialConfig& stage, const TrialConfig& trial);

// Models of other families or widths, a cls token that only one of the two has; norms may differ. Nothing: it can.
std::optional<Misfit> start_misfit(const TrialConfig& stage, const TrialConfig& trial);

}  // namespace autonorm::config
