// Moves of trials along the edges of trial_edges.h, and what follows from them: counts, queues, stages.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

struct Move {
  TrialState to{};
  std::optional<EndReason> end = {};
  std::string reason = {};              // in words
  std::optional<Attempt> attempt = {};  // a new attempt with its token; both or none
  std::optional<Token> token = {};
  bool anew = false;  // run_again()
};
// Writes the row, keeps counts and queue in step, and settles the trials that wait for this one. Moving along a missing
// edge is a programmer error.
void move_trial(Core& core, TrialKey key, Move move, Now now);

// Assigned or running.
bool holds_slots(TrialState state);
// Adds the trial to what its sweep counts, or takes it out.
void count_trial(const Core& core, SweepEntry& entry, TrialKey key, int64_t sign);

// A sweep that is neither paused nor cancelled claims it: it may go on.
bool wanted(const Core& core, const Trial& trial);
// A sweep that is not cancelled claims it: it may go on to exist.
bool claimed(const Core& core, const Trial& trial);

// Every stage has succeeded and its model is durable here.
bool stages_ready(const Core& core, const Trial& trial);
// A waiting trial whose stages are ready is queued; one with a stage that did not succeed fails.
void settle_waiting(Core& core, TrialKey key, Now now);
// The model of a stage has become durable.
void settle_waiting_for_model(Core& core, const Sha256& model, Now now);

// Sends an ended trial round again with all its attempts before it; `forget`: also its result and its checkpoints.
void run_again(Core& core, TrialKey key, bool forget, Now now);

}  // namespace autonorm::engine
