// What state a sweep is in, and what that does to its trials' turns.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

void set_sweep_state(Core& core, SweepEntry& entry, SweepState state);
// Notes for people that somebody has changed its state.
void journal_state(Core& core, const SweepEntry& entry, Now now);
// A cancelled sweep goes on. What other sweeps have kept in the queue stands there for this one again, too, however
// many slices come before its own trials are revived, which is the caller's to do for every one of them.
void reopen(Core& core, SweepEntry& entry);
// People know of the failed trials and go on: only later ones count for on_failure. A halted sweep runs again.
void tolerate_failures(Core& core, SweepEntry& entry);
// A failed trial runs again: people can have seen no more failed ones than there are.
void forget_tolerated(Core& core, SweepEntry& entry);
// Every failed trial counts.
void count_failures_again(Core& core, SweepEntry& entry, Now now);
// A trial of the sweep has failed: it halts when its on_failure rule says so.
void note_failure(Core& core, SweepEntry& entry, Now now);
// Failed trials that count for on_failure.
int64_t failures(const SweepEntry& entry);

}  // namespace autonorm::engine
