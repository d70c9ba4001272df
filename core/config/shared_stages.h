// Stages with seed = "shared": one run for all seeds, so that seeds do not tell how another run would come out.
#pragma once
#include <string>
#include <vector>

#include "core/config/sweep.h"

namespace autonorm::config {

// Those of a sweep that something waits for, without expanding it: Sweep::shared_stages of what was submitted.
std::vector<std::string> shared_stages_of(const SweepSource& source);

// What a plan and a report say about them; "" when there are none.
std::string shared_stages_text(const std::vector<std::string>& stages);

}  // namespace autonorm::config
