// A listening TCP socket on a free port of one address.
#pragma once
#include <cstdint>
#include <string>

#include "core/base/durable_file.h"
#include "core/base/status.h"

namespace autonorm::trainer {

struct ListenSocket {
  Fd fd;
  uint16_t port = 0;
};

// Listens on `host` (a name or address of this machine) and port 0. A host that is only an outside name of this machine
// (behind address translation, say) cannot be bound; then it listens on every address and says so in the log.
Result<ListenSocket> listen_on_free_port(const std::string& host);

}  // namespace autonorm::trainer
