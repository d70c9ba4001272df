// Fleet over gRPC. No gRPC header here: session_client.cpp is the only unit of the worker that includes one.
#pragma once
#include <memory>
#include <string>

#include "worker/agent/delivery/coordinator_link.h"

namespace autonorm::agent {

// `address`: "host:port". Does not wait for the coordinator to be there.
std::unique_ptr<CoordinatorLink> make_session_client(const std::string& address);
std::unique_ptr<ArtifactTransport> make_artifact_client(const std::string& address);

}  // namespace autonorm::agent
