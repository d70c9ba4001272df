// Workers of a FakeCluster that do what they are told, and trials that are trained to their end.
#pragma once
#include <functional>
#include <vector>

#include "tests/support/fake_cluster.h"

namespace autonorm::testing {

bool listens(const FakeCluster& cluster, const WorkerId& id);  // connected and not stopped
// Every member is there and trains the trial's current attempt.
bool works(const FakeCluster& cluster, const engine::TrialView& view);
std::vector<engine::TrialView> all_trials(const FakeCluster& cluster);   // of all sweeps, each once
std::vector<engine::TrialView> live_trials(const FakeCluster& cluster);  // assigned or running

// Whatever rank has not said so yet says that it has joined.
void join_ranks(FakeCluster& cluster, const engine::TrialView& view);
// The worker reads what it was told: killed trainers end, slots are given back, what was asked to stop writes its
// checkpoint. `preempted` is called before the latter is reported.
void obey(FakeCluster& cluster, const WorkerId& id, const std::function<void(const TrialId&)>& preempted = {});
// Everybody comes back and works until nothing has moved for longer than any patience of the engine.
void settle(FakeCluster& cluster);

}  // namespace autonorm::testing
