// The beginning and the end of attempts: Start messages, results, losses, what a worker's slot is busy with.
#pragma once
#include "coordinator/engine/core_state.h"

namespace autonorm::engine {

// Assigns a queued trial to free workers, in rank order, and sends each its Start.
void start_attempt(Core& core, TrialKey key, const std::vector<WorkerId>& workers, Now now);
// The Start of one member; `config` is left empty. Also for a worker that comes back without having got it.
fleet::Start make_start(const Core& core, TrialKey key, int rank);

struct Ending {
  EndReason reason{};
  std::string message = {};  // for people
  WorkerId culprit = {};     // whose rank ended it; empty = nobody's
  int signal = 0, exit_code = 0;
  std::vector<std::string> log_tail = {};
  fleet::MemoryAtDeath memory = {};
  // A checkpoint or model that it was to begin from and that cannot be read, and other checkpoints, newest first.
  Sha256 unusable = {};
  std::vector<fleet::ResumePoint> older = {};
};
// What the end of an attempt teaches about where the next one should run. `host`: of the culprit.
void blame(Trial& trial, EndReason reason, const WorkerId& culprit, const std::string& host, Now now);
// Whether the worker could be given the trial, now or when it is free.
bool may_serve(const Worker& worker, const Trial& trial);
// Ends the current attempt without a result: its trainers are killed, and the trial is queued again or ends, as
// retry_policy.h says.
void end_attempt(Core& core, TrialKey key, Ending ending, Now now);
// Rank 0 delivered the result.
void finish_attempt(Core& core, TrialKey key, const fleet::Finished& finished, Now now);

// Every rank has joined: assigned → running.
void begin_running(Core& core, TrialKey key, Now now);
// Asks the members to write a checkpoint and leave; kills them when that takes too long.
void preempt(Core& core, TrialKey key, const std::string& why, Now now);
// Writes what has changed of the members since the last batch.
void flush_members(Core& core, TrialKey key);
// The member of a live attempt has changed: its row is written with the next batch.
void note_member(Core& core, TrialKey key, Member& member);
// The member needs its slot no more; a leader's result has to follow.
void release_member(Core& core, TrialKey key, Member& member, Now now);
// The slot is free again.
void release_slot(Core& core, Worker& worker);

}  // namespace autonorm::engine
