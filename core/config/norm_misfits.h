// Norms that their place in a model cannot take: channels that groups do not divide, statistics over tokens where there
// is one, places on a grid where there is none.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "core/config/site_shape.h"

namespace autonorm::config {

struct Misfit {
  std::string path;  // of the key to change, "norm_sites.final.groups"
  std::string text;  // what is wrong and what is allowed
};
// Of a norm, called `path` in the texts, at a place of this shape.
std::vector<Misfit> norm_misfits(const NormConfig& norm, const SiteShape& shape, const std::string& path);

// `image`: what the model gets; where it is unknown only what does not depend on it is found.
std::vector<Misfit> norm_misfits(const TrialConfig& config, const std::optional<ImageShape>& image);

}  // namespace autonorm::config
