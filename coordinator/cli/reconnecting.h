// Calls that go on for hours outlive a restart of the coordinator.
#pragma once
#include <functional>
#include <string>

#include "coordinator/cli/control_client.h"
#include "coordinator/cli/environment.h"
#include "core/base/status.h"

namespace autonorm::cli {

// Connects and runs `stream`, which calls `heard` at all news. When it ends kUnavailable it is run again on a new
// connection, for up to 5 minutes without news; standard error says so once per outage. Fails at once when nobody
// answers the first time. Returns how `stream` ended at last.
Status with_reconnects(const std::string& coordinator, Environment& environment,
                       const std::function<Status(ControlClient&, const std::function<void()>& heard)>& stream);

}  // namespace autonorm::cli
