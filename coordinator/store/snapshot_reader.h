// The rows that an engine starts from.
#pragma once
#include <functional>

#include "coordinator/engine/changes.h"

namespace autonorm::store {

class Connection;

// `artifact_exists`: rows whose file is gone are left out. Throws SQLite::Exception.
engine::Snapshot read_snapshot(Connection& connection, const std::function<bool(const Sha256&)>& artifact_exists);

}  // namespace autonorm::store
