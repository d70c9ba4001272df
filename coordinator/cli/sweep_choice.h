// The sweep that SWEEP of the command line means, as it is now.
#pragma once
#include <string>

#include "coordinator/cli/control_client.h"
#include "coordinator/engine/engine.h"
#include "core/base/status.h"

namespace autonorm::cli {

// `selector` as of server::select_sweep(): a number, a name, or "" for the newest.
Result<engine::SweepView> chosen_sweep(ControlClient& client, const std::string& selector);

}  // namespace autonorm::cli
