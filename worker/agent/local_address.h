// This machine's address as a given peer sees it.
#pragma once
#include <string>

namespace autonorm::agent {

// The source address of a connection to `peer` ("host:port"); "127.0.0.1" when none can be made out. Sends nothing.
std::string source_address_towards(const std::string& peer);

}  // namespace autonorm::agent
