// Views as JSON for scripts. Keys are stable; every text is one JSON value and a newline.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "coordinator/cli/control_client.h"
#include "coordinator/engine/engine.h"

namespace autonorm::cli {

// [{id, name, state, question, cells, trials, waiting, queued, …one key per trial state, submitted, eta_s}], oldest
// first.
std::string sweeps_json(const std::vector<engine::SweepView>& sweeps);
// [{worker, host, device, …, state, reason, trial}]
std::string workers_json(const std::vector<engine::WorkerView>& workers);
// {server: {…}, sweep: {…} or null, trials: [{trial, variant, labels, seed, state, attempt, …}]}
std::string status_json(const ServerInfo& info, const std::optional<engine::SweepView>& sweep,
                        const std::vector<engine::TrialView>& trials);
std::string lines_json(const std::vector<std::string>& lines);

}  // namespace autonorm::cli
