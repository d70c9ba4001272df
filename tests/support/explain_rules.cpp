#include "tests/support/explain_rules.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/base/text.h"

namespace autonorm::testing {
namespace {

// Any of these words names the cause.
struct Cause {
  std::string name;
  std::vector<std::string> words;
};

bool holds(const std::string& text, const std::string& word) { return text.find(word) != std::string::npos; }

bool out_of_use(const engine::WorkerView& worker) {
  return worker.state == "quarantined" || worker.state == "draining" || worker.state == "drained";
}

int64_t largest_world(const std::vector<engine::WorkerView>& workers) {
  std::map<std::pair<std::string, std::string>, int64_t> sizes;
  int64_t largest = 0;
  for (const engine::WorkerView& worker : workers) {
    if (!out_of_use(worker)) largest = std::max(largest, ++sizes[{worker.device.kind, worker.mpi_world}]);
  }
  return largest;
}

// Of a queued trial that a running sweep may start.
Cause cause_in_the_fleet(const engine::TrialView& trial, const std::vector<engine::WorkerView>& connected) {
  if (connected.empty()) return {"no worker", {"no worker is connected; start one with: mpirun -np "}};
  if (std::ranges::all_of(connected, out_of_use)) {
    return {"no worker in use",
            {" again with: coordinator undrain ", "; then restart the worker",
             "check the machine, then restart the worker", "needs a "}};
  }
  // Data and devices that only some workers have are not seen from here.
  std::vector<std::string> scarce{"needs a ", "its data is missing on ", " again with: coordinator undrain ",
                                  "check the machine, then restart the worker"};
  if (largest_world(connected) < trial.ranks) {
    scarce.push_back(
        cat("needs ", trial.ranks, trial.ranks == 1 ? " slot" : " slots", " in one MPI world; the largest has "));
    return {"worlds are too small", scarce};
  }
  scarce.push_back(trial.ranks == 1 ? "waits for a free slot: "
                                    : cat("waits for ", trial.ranks, " free slots in one MPI world: "));
  scarce.push_back(
      cat("needs ", trial.ranks, trial.ranks == 1 ? " slot" : " slots", " in one MPI world; the largest has "));
  return {"slots are busy", scarce};
}

struct Claims {
  std::vector<const engine::SweepView*> running, halted, paused, cancelled;
  bool full = false;  // a running one may be held by its max_parallel
};

Cause cause_of(const engine::TrialView& trial, const Claims& claims, const std::vector<engine::WorkerView>& connected) {
  if (trial.state == TrialState::kAssigned) return {"starting", {" joined; tried again should it take more than "}};
  if (claims.running.empty() && !claims.halted.empty()) {
    return {"its sweep is halted", {cat("sweep ", claims.halted.front()->id, " halted: ")}};
  }
  if (claims.running.empty() && claims.paused.empty() && !claims.cancelled.empty()) {
    return {"its sweep is being cancelled", {cat("sweep ", claims.cancelled.front()->id, " is being cancelled")}};
  }
  if (claims.running.empty()) return {"its sweep is paused", {" paused by user; go on with: coordinator resume "}};
  if (trial.state == TrialState::kWaiting)
    return {"a stage is not done", {"waits for stage ", "waits for the model of stage "}};
  Cause cause = cause_in_the_fleet(trial, connected);
  if (claims.full) cause.words.push_back("held by max_parallel = ");
  return cause;
}

Claims claims_of(const TrialId& id, const std::vector<engine::SweepView>& sweeps,
                 const std::map<int64_t, std::set<TrialId>>& trials) {
  Claims claims;
  for (const engine::SweepView& sweep : sweeps) {
    if (!trials.at(sweep.id.value()).contains(id)) continue;
    if (sweep.state == "running" || sweep.state == "submitting") {
      claims.running.push_back(&sweep);
      const auto active = [&](TrialState state) { return sweep.counts.contains(state) ? sweep.counts.at(state) : 0; };
      claims.full |=
          active(TrialState::kAssigned) + active(TrialState::kRunning) > 0 || active(TrialState::kQueued) > 1;
    } else if (sweep.state == "halted") {
      claims.halted.push_back(&sweep);
    } else if (sweep.state == "paused") {
      claims.paused.push_back(&sweep);
    } else if (sweep.state == "cancelled") {
      claims.cancelled.push_back(&sweep);
    }
  }
  return claims;
}

constexpr std::string_view kRemedies[] = {"coordinator ",
                                          "mpirun ",
                                          "starts when trial ",
                                          "starts in about ",
                                          "ahead of it in the queue",
                                          "it is the next in the queue",
                                          "restart the worker",
                                          "tried again should it",
                                          "put it there",
                                          "to arrive"};

// "" when one of the words is there and a number.
std::string vagueness(const engine::TrialView& trial, const Cause& cause) {
  if (std::ranges::none_of(cause.words, [&](const std::string& word) { return holds(trial.reason, word); }))
    return cat("does not name its cause (", cause.name, ")");
  return trial.reason.find_first_of("0123456789") == std::string::npos ? "has no number" : "";
}

}  // namespace

std::string ExplainRules::complaint(const engine::Engine& engine, const engine::TrialView& trial, Now now) {
  if (!asked_.emplace(trial.id, trial.reason).second) return "";
  const auto lines = engine.explain(trial.id.value(), now);
  if (!lines.ok()) return cat("cannot be asked for: ", lines.status().message());
  const std::string all = autonorm::join(lines->lines, "\n");
  if (!holds(all, trial.reason)) return "is not what explain says";
  if (std::ranges::none_of(kRemedies, [&](std::string_view remedy) { return holds(all, std::string(remedy)); }))
    return cat("does not say what would help: ", all);
  return "";
}

std::vector<std::string> ExplainRules::unexplained(const engine::Engine& engine, Now now) {
  const std::vector<engine::SweepView> sweeps = engine.sweeps(now);
  std::vector<engine::WorkerView> connected = engine.workers(now);
  std::erase_if(connected, [](const engine::WorkerView& worker) { return worker.state == "lost"; });
  std::map<int64_t, std::set<TrialId>> trials;
  std::map<TrialId, engine::TrialView> pending;
  for (const engine::SweepView& sweep : sweeps) {
    std::set<TrialId>& claimed = trials[sweep.id.value()];
    for (engine::TrialView& trial : engine.trials(sweep.id)) {
      claimed.insert(trial.id);
      if (is_open(trial.state) && trial.state != TrialState::kRunning) pending.emplace(trial.id, std::move(trial));
    }
  }
  std::vector<std::string> findings;
  for (const auto& [id, trial] : pending) {
    std::string what = vagueness(trial, cause_of(trial, claims_of(id, sweeps, trials), connected));
    if (what.empty()) what = complaint(engine, trial, now);
    if (!what.empty())
      findings.push_back(
          cat("trial ", short_form(id), " (", name(trial.state), "): its reason '", trial.reason, "' ", what));
  }
  return findings;
}

}  // namespace autonorm::testing
