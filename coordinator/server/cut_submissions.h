// Submissions that a crash cut in the middle: half of a sweep is there and its source is stored, so the rest follows.
#pragma once
#include <vector>

#include "coordinator/engine/engine.h"

namespace autonorm::store {
class Store;
}

namespace autonorm::server {

// What the engine is told to complete them; to cancel those whose source cannot be expanded any more.
std::vector<engine::EngineEvent> cut_submissions(const engine::Engine& engine, store::Store& store);

}  // namespace autonorm::server
