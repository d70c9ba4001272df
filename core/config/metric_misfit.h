// Whether the trials of a sweep have the metric that it is judged by.
#pragma once
#include <optional>
#include <string>

#include "core/config/trial_config.h"

namespace autonorm::config {

// Classes are right or wrong, real numbers off by something, and only listed corruptions are tried. What the trials do
// instead, and the remedy: "learn classes; choose …". Nothing: they have it.
std::optional<std::string> metric_misfit(const std::string& metric, const TrialConfig& config);

}  // namespace autonorm::config
