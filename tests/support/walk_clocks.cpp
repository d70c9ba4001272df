#include "tests/support/walk_clocks.h"

#include <algorithm>

#include "core/base/status.h"

namespace autonorm::testing {

using std::chrono::milliseconds;

void WalkClocks::add(const config::PlannedTrial& trial) {
  const auto& run = trial.common->run;
  constexpr int64_t kNeverWithinAWalk = 600;  // seconds
  if (run.timeout_s == 0 && run.stall_timeout_s >= kNeverWithinAWalk) return;
  Clock clock;
  clock.timeout = std::chrono::seconds(run.timeout_s);
  clock.stall = std::chrono::seconds(run.stall_timeout_s);
  clock.max_attempts = run.max_attempts;
  clocks_.try_emplace(trial.id, clock);
}

void WalkClocks::anew(const TrialId& trial) {
  const auto it = clocks_.find(trial);
  if (it == clocks_.end()) return;
  Clock& clock = it->second;
  clock.before = clock.kept = {};
  clock.unsure = false;
  clock.anew_after = clock.attempt;
}

milliseconds WalkClocks::own_time(const Clock& clock, SteadyTime now) {
  return clock.running ? std::chrono::duration_cast<milliseconds>(now - *clock.running) : milliseconds(0);
}

void WalkClocks::observe(const engine::TrialView& view, SteadyTime now) {
  Clock& clock = clocks_.at(view.id);
  if (view.attempt != clock.attempt || view.workers.empty()) {
    if (clock.unsure) clock.kept.high = std::max(clock.kept.high, clock.before.high + own_time(clock, now));
    clock.unsure = false;
    clock.running.reset();
    clock.before = clock.kept;
    clock.attempt = view.attempt;
  }
  if (view.state == TrialState::kRunning && !clock.running) clock.running = clock.moved = now;
}

std::optional<Attempt> WalkClocks::over(const engine::TrialView& view) const {
  const Clock& clock = clocks_.at(view.id);
  if (!clock.running || (view.attempt == clock.attempt && !view.workers.empty())) return std::nullopt;
  return clock.attempt;
}

void WalkClocks::saved(const TrialId& trial, SteadyTime now) {
  const auto it = clocks_.find(trial);
  if (it == clocks_.end()) return;
  Clock& clock = it->second;
  clock.kept = {clock.before.low + own_time(clock, now), clock.before.high + own_time(clock, now)};
}

void WalkClocks::perhaps_saved(const TrialId& trial) {
  if (const auto it = clocks_.find(trial); it != clocks_.end()) it->second.unsure = true;
}

void WalkClocks::damaged(const TrialId& trial) {
  if (const auto it = clocks_.find(trial); it != clocks_.end()) it->second.kept.low = {};
}

void WalkClocks::stepped(const TrialId& trial, SteadyTime now) {
  if (const auto it = clocks_.find(trial); it != clocks_.end()) it->second.moved = now;
}

void WalkClocks::restarted(SteadyTime now) {
  for (auto& [id, clock] : clocks_) clock.moved = now;
}

std::string WalkClocks::wrong_timeout(const engine::TrialView& view, SteadyTime now) const {
  const Clock& clock = clocks_.at(view.id);
  const milliseconds trained = clock.before.high + own_time(clock, now);
  if (clock.timeout.count() == 0 || trained < clock.timeout)
    return cat("timed out after ", trained.count(), " ms, its timeout is ", clock.timeout.count(), " s");
  return view.state == TrialState::kFailed ? "" : cat("timed out and is ", name(view.state));
}

std::string WalkClocks::wrong_stall(const engine::TrialView& view, Attempt ended, SteadyTime now) const {
  const Clock& clock = clocks_.at(view.id);
  const auto still = std::chrono::duration_cast<milliseconds>(now - clock.moved);
  if (still < clock.stall)
    return cat("stalled after ", still.count(), " ms, its stall timeout is ", clock.stall.count(), " s");
  const int64_t attempts = ended.value() - clock.anew_after.value();
  if (view.state == TrialState::kFailed && attempts < clock.max_attempts)
    return cat("was given up after ", attempts, " attempts of ", clock.max_attempts);
  return "";
}

std::string WalkClocks::overdue(const engine::TrialView& view, SteadyTime now) const {
  const Clock& clock = clocks_.at(view.id);
  if (view.state != TrialState::kRunning || view.attempt != clock.attempt || !clock.running) return "";
  const milliseconds trained = clock.before.low + own_time(clock, now);
  if (clock.timeout.count() > 0 && trained >= clock.timeout)
    return cat("has trained for ", trained.count(), " ms, beyond its timeout of ", clock.timeout.count(), " s");
  if (now - clock.moved >= clock.stall) return cat("made no step for its stall timeout of ", clock.stall.count(), " s");
  return "";
}

}  // namespace autonorm::testing
