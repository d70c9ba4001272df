// Expanded sweeps by hand: the engine does not care what a trial trains.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "coordinator/engine/engine.h"
#include "core/config/sweep.h"

namespace autonorm::testing {

struct TrialSpec {
  std::string variant = "A";
  uint64_t seed = 0;
  int64_t ranks = 1;
  std::string device = "auto";
  int64_t priority = 0, max_attempts = 3, timeout_s = 0, stall_timeout_s = 600;
  std::string stage = {};  // name of a stage that it waits for; empty = none
};

// Equal specs give equal trials in every sweep. A stage is one trial per seed, in front of the trials that need it.
config::Sweep make_sweep(const std::string& name, const std::vector<TrialSpec>& specs);
// `count` seeds of variant "A".
config::Sweep make_sweep(const std::string& name, int64_t count);

engine::SubmitSweep submission(const config::Sweep& sweep, bool fresh = false, std::string idempotency_key = {});

Sha256 artifact_hash(const std::string& name);

}  // namespace autonorm::testing
