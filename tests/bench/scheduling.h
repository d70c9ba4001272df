// What a decision costs in the engine alone: no network, no database.
#pragma once
#include <cstdint>

namespace autonorm::bench {

struct DecisionCost {
  double schedule_ns = 0;  // Engine::schedule() alone
  double turn_ns = 0;      // a result and a free slot in, the next Start and the rows to commit out
};
// With `queued` trials waiting and `workers` busy ones, of which one at a time finishes; a mean over `decisions`.
// `gang` > 1: before all of them a trial of so many slots waits, which a world could hold, but not now.
DecisionCost decision_cost(int64_t queued, int workers, int64_t decisions, int gang = 1);

}  // namespace autonorm::bench
