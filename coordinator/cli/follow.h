// Follows a sweep on the terminal or in a pipe until it has ended.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/environment.h"
#include "core/base/status.h"

namespace autonorm::cli {

// Returns the last state seen: ended, or interrupted by `stop_fd` (-1 = none) or by `go_on` returning false. `go_on` is
// asked at each update.
Result<engine::SweepView> follow(
    ControlClient& client, const std::string& sweep, int stop_fd, Environment& environment,
    const std::function<bool()>& go_on = [] { return true; });

// The same until the sweep has ended, also over restarts of the coordinator.
Result<engine::SweepView> follow_over_restarts(const std::string& coordinator, const std::string& sweep,
                                               Environment& environment);

// 0, or 1 when trials failed or the sweep did not end.
int exit_code_of(const engine::SweepView& sweep);

}  // namespace autonorm::cli
