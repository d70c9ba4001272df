#include "tests/support/walk_model.h"

#include <algorithm>

#include "core/base/status.h"

namespace autonorm::testing {
namespace {

std::string_view word(WalkModel::State state) {
  switch (state) {
    case WalkModel::State::kRunning:
      return "running";
    case WalkModel::State::kPaused:
      return "paused";
    case WalkModel::State::kHalted:
      return "halted";
    case WalkModel::State::kCancelled:
      return "cancelled";
  }
  return "";
}

bool some_open(const std::vector<engine::TrialView>& trials) {
  return std::ranges::any_of(trials, [](const engine::TrialView& trial) { return is_open(trial.state); });
}

bool is_result(TrialState state) { return state == TrialState::kSucceeded || state == TrialState::kDiverged; }

}  // namespace

WalkModel::Sweep* WalkModel::find(SweepId id) {
  const auto it = std::ranges::find(sweeps_, id, &Sweep::id);
  return it == sweeps_.end() ? nullptr : &*it;
}

WalkModel::Submitted WalkModel::submit(const config::Sweep& sweep, bool fresh) {
  const auto same =
      std::find_if(sweeps_.rbegin(), sweeps_.rend(), [&](const Sweep& s) { return s.content == sweep.content; });
  const bool existed = !fresh && same != sweeps_.rend();
  if (!existed) {
    sweeps_.push_back({.id = SweepId(size() + 1),
                       .content = sweep.content,
                       .trials = {},
                       .priority = sweep.priority,
                       .max_parallel = sweep.max_parallel,
                       .fail_fast = sweep.fail_fast});
  }
  Sweep& entry = existed ? *same : sweeps_.back();
  if (entry.state == State::kCancelled || entry.state == State::kHalted) entry.state = State::kRunning;
  entry.tolerated_low = entry.tolerated_high = 0;
  entry.perhaps_halted = false;
  for (const config::PlannedTrial& planned : sweep.trials) {
    entry.trials.insert(planned.id);
    const auto [it, is_new] = trials_.try_emplace(planned.id);
    Trial& trial = it->second;
    if (is_new) {
      for (const auto& [stage, parent] : planned.inputs) trial.stages.push_back(parent);
      trial.ranks = planned.common->ranks;
      trial.priority = planned.common->run.priority;
      clocks.add(planned);
    }
    if (is_new || is_open(trial.state)) continue;
    if (is_result(trial.state) && !fresh) continue;
    trial.accuracy.reset();  // it runs again
    trial.bad_ends = 0;
    clocks.anew(planned.id);
  }
  return {entry.id, existed};
}

bool WalkModel::any_open(const Sweep& sweep) const {
  return std::ranges::any_of(sweep.trials, [&](const TrialId& id) { return is_open(trials_.at(id).state); });
}

bool WalkModel::act(SweepId id, engine::SweepAction action) {
  Sweep* sweep = find(id);
  if (!sweep) return false;
  switch (action) {
    case engine::SweepAction::kCancel:
      if (any_open(*sweep)) sweep->state = State::kCancelled;
      return true;
    case engine::SweepAction::kPause:
      if (sweep->state == State::kCancelled) return false;
      if (any_open(*sweep)) sweep->state = State::kPaused;
      return true;
    case engine::SweepAction::kResume:
      if (sweep->state == State::kCancelled) return false;
      if (sweep->state == State::kPaused || sweep->state == State::kHalted) {
        sweep->tolerated_low = sweep->tolerated_high = failed(*sweep);
      } else if (sweep->perhaps_halted) {
        sweep->tolerated_high = failed(*sweep);
      }
      sweep->state = State::kRunning;
      sweep->perhaps_halted = false;
      return true;
  }
  return false;
}

int64_t WalkModel::failed(const Sweep& sweep) const {
  return std::ranges::count_if(sweep.trials,
                               [&](const TrialId& id) { return trials_.at(id).state == TrialState::kFailed; });
}

// With the stages that it needs; what failed for one of these comes along, and nothing had gone wrong with that.
void WalkModel::run_again(const TrialId& id, std::set<TrialId>& started) {
  Trial& trial = trials_.at(id);
  if (!claims(id) || (trial.state != TrialState::kFailed && trial.state != TrialState::kCancelled)) return;
  trial.bad_ends = 0;
  clocks.anew(id);
  started.insert(id);
  for (const TrialId& stage : trial.stages) run_again(stage, started);
}

bool WalkModel::retry(const engine::RetryTrials& what) {
  Sweep* sweep = find(*what.sweep);
  if (!sweep || (sweep->state == State::kCancelled && (!what.cancelled || !what.trial.empty()))) return false;
  if (sweep->state == State::kCancelled) {
    sweep->state = State::kRunning;
    sweep->tolerated_low = 0;
    sweep->tolerated_high = failed(*sweep);
    sweep->perhaps_halted = false;
  }
  std::set<TrialId> started;
  if (!what.trial.empty()) {
    const TrialId id(what.trial);
    const TrialState state = trials_.at(id).state;
    if (state != TrialState::kFailed && state != TrialState::kCancelled) return false;
    run_again(id, started);
  } else {
    for (const TrialId& id : sweep->trials) {
      if (trials_.at(id).state == TrialState::kFailed || what.cancelled) run_again(id, started);
    }
  }
  for (Sweep& touched : sweeps_) {
    const bool any = std::ranges::any_of(started, [&](const TrialId& id) { return touched.trials.contains(id); });
    if (!any || (touched.state != State::kHalted && !touched.perhaps_halted)) continue;
    if (touched.state == State::kHalted) touched.state = State::kRunning;
    touched.perhaps_halted = false;
    touched.tolerated_low = 0;
    touched.tolerated_high = failed(touched);
  }
  return true;
}

void WalkModel::drain(const WorkerId& worker, engine::Drain drain) {
  if (drain == engine::Drain::kNo) {
    drained_.erase(worker);
  } else {
    drained_.insert(worker);
  }
}

void WalkModel::result(const TrialId& trial, double accuracy) { trials_.at(trial).accuracy = accuracy; }
void WalkModel::bad_end(const TrialId& trial) {
  ++trials_.at(trial).bad_ends;
  trials_.at(trial).unlucky = true;
}

bool WalkModel::wants(const TrialId& trial) const {
  return std::ranges::any_of(sweeps_,
                             [&](const Sweep& s) { return s.state == State::kRunning && s.trials.contains(trial); });
}
bool WalkModel::halted(const TrialId& trial) const {
  return std::ranges::any_of(sweeps_, [&](const Sweep& s) {
    return (s.state == State::kHalted || s.perhaps_halted) && s.trials.contains(trial);
  });
}
std::optional<int64_t> WalkModel::priority(const TrialId& trial, bool sure) const {
  std::optional<int64_t> highest;
  for (const Sweep& s : sweeps_) {
    const bool held = sure && (s.max_parallel > 0 || s.perhaps_halted);
    if (!s.trials.contains(trial) || s.state != State::kRunning || held) continue;
    const int64_t here = s.priority + trials_.at(trial).priority;
    highest = std::max(highest.value_or(here), here);
  }
  return highest;
}
bool WalkModel::waited(const TrialId& trial) const {
  return trials_.at(trial).state == TrialState::kQueued && !trials_.at(trial).unlucky;
}
bool WalkModel::claims(const TrialId& trial) const {
  return std::ranges::any_of(sweeps_,
                             [&](const Sweep& s) { return s.state != State::kCancelled && s.trials.contains(trial); });
}
bool WalkModel::stages_done(const TrialId& trial) const {
  return std::ranges::all_of(trials_.at(trial).stages, [&](const TrialId& id) { return accepted(id).has_value(); });
}
std::optional<double> WalkModel::accepted(const TrialId& trial) const {
  const auto it = trials_.find(trial);
  return it == trials_.end() ? std::nullopt : it->second.accuracy;
}

void WalkModel::observe(const engine::Engine& engine, Now now) {
  for (const engine::SweepView& view : engine.sweeps(now)) {
    for (const engine::TrialView& trial : engine.trials(view.id)) {
      const auto it = trials_.find(trial.id);
      if (it != trials_.end()) it->second.state = trial.state;
    }
  }
}

void WalkModel::check_trial(const engine::TrialView& view, std::vector<std::string>& findings) {
  const std::string who = cat("trial ", short_form(view.id), " (", name(view.state), ")");
  const auto it = trials_.find(view.id);
  if (it == trials_.end()) {
    findings.push_back(cat(who, " was never submitted"));
    return;
  }
  Trial& trial = it->second;
  if (trial.accuracy.has_value() != (view.state == TrialState::kSucceeded))
    findings.push_back(cat(who, trial.accuracy ? " has an accepted result" : " has no result that was accepted"));
  if (is_open(view.state) && !claims(view.id))
    findings.push_back(cat(who, " is open, but every sweep of it is cancelled"));
  if (view.state == TrialState::kCancelled && claims(view.id))
    findings.push_back(cat(who, " is cancelled, but a sweep claims it"));
  const bool stage_failed = std::ranges::any_of(trial.stages, [&](const TrialId& id) { return !accepted(id); });
  if (view.state == TrialState::kFailed && trial.bad_ends == 0 && !stage_failed)
    findings.push_back(cat(who, " failed, but nothing went wrong with it"));
  if (view.attempt < trial.attempt)
    findings.push_back(cat(who, " went back from attempt ", trial.attempt, " to ", view.attempt));
  trial.attempt = view.attempt;
}

// on_failure and max_parallel.
void WalkModel::check_sweep(const engine::SweepView& view, Sweep& sweep, const std::vector<engine::TrialView>& trials,
                            std::vector<std::string>& findings) {
  std::set<TrialId> failed, alone;
  for (const engine::TrialView& trial : trials) {
    if (trial.state == TrialState::kFailed) failed.insert(trial.id);
    const auto claims = [&](const Sweep& s) { return s.trials.contains(trial.id); };
    if (!trial.workers.empty() && std::ranges::count_if(sweeps_, claims) == 1) alone.insert(trial.id);
  }
  // What another sweep has started counts as well, so only trials of no other one say that too many were.
  if (sweep.max_parallel > 0 && std::ssize(alone) > sweep.max_parallel)
    findings.push_back(
        cat("sweep ", sweep.id, " has ", alone.size(), " trials at work, max_parallel is ", sweep.max_parallel));
  const int64_t failures = std::ssize(failed);
  sweep.tolerated_high = std::min(sweep.tolerated_high, failures);
  sweep.tolerated_low = std::min(sweep.tolerated_low, failures);
  if (sweep.fail_fast == 0 || sweep.state != State::kRunning) return;
  const bool must = failures - sweep.tolerated_high >= sweep.fail_fast;
  const bool may = failures - sweep.tolerated_low >= sweep.fail_fast;
  if (view.state == "halted" && !may && !sweep.perhaps_halted) {
    findings.push_back(cat("sweep ", sweep.id, " halted, but only ", failures, " failed"));
  } else if (view.state == "halted" || must) {
    sweep.state = State::kHalted;  // what the engine says is compared with this
    sweep.perhaps_halted = false;
  } else if (may && view.state == "done") {
    sweep.perhaps_halted = true;
  }
}

std::vector<std::string> WalkModel::disagreements(const engine::Engine& engine, Now now) {
  std::vector<std::string> findings;
  const std::vector<engine::SweepView> views = engine.sweeps(now);
  if (views.size() != sweeps_.size())
    findings.push_back(cat("there are ", views.size(), " sweeps instead of ", sweeps_.size()));
  for (const engine::SweepView& view : views) {
    Sweep* sweep = find(view.id);
    if (!sweep) {
      findings.push_back(cat("sweep ", view.id, " was never submitted"));
      continue;
    }
    const std::vector<engine::TrialView> trials = engine.trials(view.id);
    check_sweep(view, *sweep, trials, findings);
    const bool done = view.state == "done" && sweep->state != State::kCancelled && !some_open(trials);
    if (view.state != word(sweep->state) && !done)
      findings.push_back(cat("sweep ", view.id, " is ", view.state, " instead of ", word(sweep->state)));
    std::set<TrialId> seen;
    for (const engine::TrialView& trial : trials) {
      if (seen.insert(trial.id).second) check_trial(trial, findings);
    }
    if (seen != sweep->trials) findings.push_back(cat("sweep ", view.id, " lost or gained trials"));
  }
  return findings;
}

}  // namespace autonorm::testing
