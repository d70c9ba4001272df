// HOST:PORT, and why it cannot be listened on.
#pragma once
#include <cstdint>
#include <string>

#include "core/base/status.h"

namespace autonorm::server {

struct ListenAddress {
  std::string host;  // name or number, without brackets
  uint16_t port = 0;
};

// "127.0.0.1:0", "[::1]:50551", "node7:50551".
Result<ListenAddress> parse_listen_address(const std::string& text);
std::string to_text(const ListenAddress& address);  // brackets around IPv6 numbers
bool is_loopback(const ListenAddress& address);

// Binds the address once and lets go of it again: the port, which for port 0 is a free one. Failures say what is wrong
// and the remedy; kConflict: the port is taken.
Result<uint16_t> try_listen(const ListenAddress& address);

}  // namespace autonorm::server
