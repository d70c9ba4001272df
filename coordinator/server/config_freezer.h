// The configurations that a sweep's trials are stored and started with.
#pragma once
#include <memory>

#include "coordinator/engine/engine.h"
#include "core/config/sweep.h"

namespace autonorm::server {

// The resolved configurations of a sweep's trials, as the engine asks for them: some 20 µs per cell, nothing for its
// further seeds. Not thread-safe.
engine::FreezeConfig config_freezer(std::shared_ptr<const config::Sweep> sweep);

}  // namespace autonorm::server
