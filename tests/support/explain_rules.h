// What `explain` must say of a trial that has not ended and does not run: why, with numbers, and what would move it.
#pragma once
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "coordinator/engine/engine.h"

namespace autonorm::testing {

class ExplainRules {
 public:
  // Trials whose explanation is missing, vague, or not that of their cause, one line each. The cause is found from the
  // views of sweeps and workers alone.
  std::vector<std::string> unexplained(const engine::Engine& engine, Now now);

 private:
  std::string complaint(const engine::Engine& engine, const engine::TrialView& trial, Now now);

  std::set<std::pair<TrialId, std::string>> asked_;  // reasons that `explain` was asked about
};

}  // namespace autonorm::testing
