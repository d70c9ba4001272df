// Views as text for people. Every text ends in a newline.
#pragma once
#include <string>
#include <vector>

#include "coordinator/cli/control_client.h"
#include "coordinator/engine/engine.h"

namespace autonorm::cli {

std::string sweeps_text(const std::vector<engine::SweepView>& sweeps);  // newest first
std::string workers_text(const std::vector<engine::WorkerView>& workers);
// Counts, then the trials of the page.
std::string sweep_text(const engine::SweepView& sweep, const engine::TrialPage& page);
// Those that run, wait, or did not succeed; a sweep may have thousands, so only the first.
engine::TrialFilter noteworthy_trials();
std::string server_text(const ServerInfo& info, const std::string& address, size_t workers);

// "3 running, 9 queued, 6 succeeded": states with trials, in the order of a trial's life.
std::string counts_text(const engine::SweepView& sweep);
std::string labels_text(const engine::TrialView& trial);  // "digits, seed 0"

// "×37: trainer_crashed: the trainer was ended by signal 11 (SIGSEGV), e.g. trial 3f9a1c2b4d5e"
std::string failure_text(const engine::FailureGroup& group);

// "… and 12 failed trials of other kinds"; empty when `sweep.failures` holds all of them.
std::string other_failures_text(const engine::SweepView& sweep);

int64_t count(const engine::SweepView& sweep, TrialState state);
int64_t ended(const engine::SweepView& sweep);  // distinct trials that will not change any more
int64_t failed_trials(const engine::SweepView& sweep);
int64_t active_trials(const engine::SweepView& sweep);  // assigned or running
// "1 min 15 s", or why there is no such time: "paused", "halted", "nothing is running", "not known yet" before the
// first trial has ended; "" when the sweep is over.
std::string time_left_text(const engine::SweepView& sweep);

}  // namespace autonorm::cli
