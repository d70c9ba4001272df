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
// {trials: [{trial, sweep, variant, labels, seed, is_stage, state, attempt, reason, outlook, failed_attempts,
// max_attempts, checkpoint_step}], lines: [all of it, for people]}
std::string explanation_json(const engine::Explanation& explanation);
// {sweep, name, failed, groups: [{end, text, count, trial, lines: [what explain says of that trial]}]}; `examples`: one
// explanation for each group.
std::string failures_json(const engine::SweepView& sweep, const std::vector<engine::Explanation>& examples);

}  // namespace autonorm::cli
