// What a sweep file would train, as `plan` and `submit` print it. Pure.
#pragma once
#include <optional>
#include <string>

#include "coordinator/cli/control_client.h"
#include "core/config/sweep.h"

namespace autonorm::cli {

// The table of cells (variant × column: seeds, new and cached), trials, ranks and slots, time, power check. Without
// `server`, nothing is known about cached trials and times, and the text says so.
std::string plan_text(const config::Sweep& sweep, const std::optional<ServerPlan>& server);

// Comparisons with the baseline in one report: (variants - 1) × columns.
int comparisons(const config::Sweep& sweep);
int64_t largest_gang(const config::Sweep& sweep);  // ranks of the trial with the most

}  // namespace autonorm::cli
