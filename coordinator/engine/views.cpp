#include <algorithm>

#include "coordinator/engine/explanations.h"
#include "coordinator/engine/placement.h"
#include "core/messages/failure_pattern.h"

namespace autonorm::engine {
namespace {

int64_t open_trials(const SweepEntry& entry) {
  int64_t open = 0;
  for (size_t i = 0; i < entry.counts.size(); ++i) {
    if (is_open(static_cast<TrialState>(i))) open += entry.counts[i];
  }
  return open;
}

std::string state_word(const SweepEntry& entry) {
  const SweepState state = entry.record.state;
  // Also a paused one whose last trials have ended although they were asked to leave.
  const bool ends = state == SweepState::kRunning || state == SweepState::kHalted || state == SweepState::kPaused;
  if (ends && open_trials(entry) == 0) return "done";
  return std::string(name(entry.record.state));
}

int64_t usable_slots(const Core& core) {
  return std::ranges::count_if(core.workers, [](const auto& entry) { return usable(entry.second); });
}

// As if no other sweep took slots. Nobody can say while it is held, or while a trial of it fits nowhere.
std::optional<double> time_left(const Core& core, const SweepEntry& entry) {
  const SweepState state = entry.record.state;
  const int64_t slots = usable_slots(core), open = open_trials(entry);
  const bool goes_on = state == SweepState::kRunning || state == SweepState::kSubmitting;
  if (!goes_on || core.finished_attempts == 0 || slots == 0) return std::nullopt;
  int64_t slots_wanted = open;
  for (const auto& [shape, lane] : entry.lanes) {
    if (!core.capacity.smallest(want_of(core, lane.trials.begin()->trial))) return std::nullopt;
    slots_wanted += (shape.ranks - 1) * std::ssize(lane.trials);
  }
  const int64_t together = entry.record.max_parallel > 0 ? entry.record.max_parallel : open;
  const double rounds = std::max(static_cast<double>(slots_wanted) / static_cast<double>(slots),
                                 static_cast<double>(open) / static_cast<double>(std::max<int64_t>(1, together)));
  return core.finished_seconds / static_cast<double>(core.finished_attempts) * rounds;
}

std::vector<FailureGroup> failure_groups(const Core& core, const SweepEntry& entry) {
  constexpr size_t kShownGroups = 10;
  std::vector<FailureGroup> groups;
  for (const auto& [kind, trials] : entry.failures) {
    const Trial& example = core.at(*trials.begin());
    groups.push_back({.end = kind.end,
                      .text = std::string(first_line(example.reason)),
                      .count = static_cast<int64_t>(trials.size()),
                      .example = example.id});
  }
  std::ranges::stable_sort(groups, std::greater<>(), &FailureGroup::count);
  if (groups.size() > kShownGroups) groups.resize(kShownGroups);
  return groups;
}

SweepView view_of(const Core& core, const SweepEntry& entry) {
  SweepView view{.id = entry.record.id,
                 .name = entry.record.name,
                 .question = entry.record.question,
                 .state = state_word(entry),
                 .counts = {},
                 .trials = entry.trials,
                 .cells = entry.record.cells,
                 .submitted = entry.record.submitted,
                 .failures = failure_groups(core, entry),
                 .eta_s = time_left(core, entry)};
  for (size_t i = 0; i < entry.counts.size(); ++i) {
    if (entry.counts[i] > 0) view.counts[static_cast<TrialState>(i)] = entry.counts[i];
  }
  return view;
}

void add_progress(const Core& core, const Trial& trial, TrialView& view) {
  if (!trial.live) return;
  for (const Member& member : trial.live->members) view.workers.push_back(member.worker);
  if (const Worker* leader = find_worker(core, view.workers.front())) view.host = leader->record.host;
  const fleet::AttemptProgress& progress = trial.live->progress;
  view.step = progress.step;
  view.total_steps = progress.total_steps;
  view.phase = trial.live->kill_at ? "stopping" : progress.phase;
  if (progress.loss == progress.loss && progress.step > 0) view.loss = progress.loss;  // NaN = none yet
  view.samples_per_s = progress.samples_per_s;
}

TrialView view_of(const Core& core, Explainer& explainer, const SweepEntry& entry, const Claim& claim) {
  const Trial& trial = core.at(claim.trial);
  TrialView view;
  view.id = trial.id;
  view.variant = entry.words[claim.variant];
  view.labels = *claim.labels;
  view.seed = claim.seed;
  view.state = trial.state;
  view.attempt = trial.attempt;
  view.ranks = trial.ranks;
  view.is_stage = claim.is_stage;
  view.reason = explainer.reason(claim.trial);
  view.end = trial.end;
  add_progress(core, trial, view);
  return view;
}

bool passes(const Core& core, const SweepEntry& entry, const Claim& claim, const TrialFilter& filter) {
  if (!filter.states.empty() && !filter.states.contains(core.at(claim.trial).state)) return false;
  return filter.variant.empty() || entry.words[claim.variant] == filter.variant;
}

std::string state_word(const Worker& worker) {
  if (worker.lost || !worker.session) return "lost";
  if (!worker.record.quarantine.empty()) return "quarantined";
  if (worker.record.drain != Drain::kNo) return worker.occupant ? "draining" : "drained";
  if (worker.occupant) return "busy";
  return worker.reserved ? "reserved" : "idle";
}

std::string reason_of(const Core& core, const Worker& worker) {
  if (!worker.record.quarantine.empty()) return worker.record.quarantine;
  if (worker.lost) return cat(worker.why_lost, "; it is used again when it comes back");
  if (!worker.session) return "its connection is gone; its lease runs on";
  if (worker.record.drain != Drain::kNo)
    return cat("nothing starts here until: coordinator undrain ", worker.record.id);
  if (worker.occupant && worker.occupant->ended) return "its trainer is being stopped";
  if (worker.reserved)
    return cat("kept for trial ", short_form(core.at(core.reserved_for).id), ", which needs several slots");
  return "";
}

WorkerView view_of(const Core& core, const Worker& worker, Now now) {
  WorkerView view;
  view.id = worker.record.id;
  view.host = worker.record.host;
  view.device = worker.record.device;
  view.mpi_world = worker.record.mpi_world;
  view.mpi_rank = worker.record.mpi_rank;
  view.mpi_size = worker.record.mpi_size;
  view.state = state_word(worker);
  view.reason = reason_of(core, worker);
  if (worker.occupant) view.trial = worker.occupant->key.trial;
  if (!worker.lost)
    view.lease_left_s = std::max(0.0, std::chrono::duration<double>(worker.lease_until - now.steady).count());
  view.build = worker.record.build;
  view.torch = worker.record.torch;
  view.recovery = worker.record.recovery;
  return view;
}

}  // namespace

std::vector<SweepView> Engine::sweeps(Now) const {
  std::vector<SweepView> views;
  for (const auto& [id, entry] : core_->sweeps) views.push_back(view_of(*core_, entry));
  return views;
}

std::vector<TrialView> Engine::trials(std::optional<SweepId> sweep) const {
  if (core_->sweeps.empty()) return {};
  return trial_page(sweep.value_or(core_->sweeps.rbegin()->second.record.id), {}).trials;
}

TrialPage Engine::trial_page(SweepId sweep, const TrialFilter& filter) const {
  TrialPage page;
  const auto it = core_->sweeps.find(sweep.value());
  if (it == core_->sweeps.end()) return page;
  std::vector<const Claim*> claims;
  for (const Claim& claim : it->second.claims) {
    if (claim.position >= filter.from && passes(*core_, it->second, claim, filter)) claims.push_back(&claim);
  }
  std::ranges::sort(claims, {}, &Claim::position);
  page.matching = std::ssize(claims);
  if (filter.most > 0 && filter.most < std::ssize(claims)) {
    page.next = claims[static_cast<size_t>(filter.most)]->position;
    claims.resize(static_cast<size_t>(filter.most));
  }
  Explainer explainer(*core_);
  for (const Claim* claim : claims) page.trials.push_back(view_of(*core_, explainer, it->second, *claim));
  return page;
}

std::vector<TrialView> Engine::active_trials(SweepId sweep) const {
  std::vector<TrialView> views;
  const auto it = core_->sweeps.find(sweep.value());
  if (it == core_->sweeps.end() || engine::active_trials(it->second) == 0) return views;
  Explainer explainer(*core_);
  for (const Claim& claim : it->second.claims) {
    if (core_->at(claim.trial).live) views.push_back(view_of(*core_, explainer, it->second, claim));
  }
  return views;
}

std::vector<WorkerView> Engine::workers(Now now) const {
  std::vector<WorkerView> views;
  for (const auto& [id, worker] : core_->workers) views.push_back(view_of(*core_, worker, now));
  return views;
}

std::set<TrialId> Engine::finished_trials(const std::vector<TrialId>& among) const {
  std::set<TrialId> finished;
  for (const TrialId& id : among) {
    const TrialKey key = find_trial(*core_, id);
    if (key == 0) continue;
    const TrialState state = core_->at(key).state;
    if (!is_open(state) && state != TrialState::kFailed && state != TrialState::kCancelled) finished.insert(id);
  }
  return finished;
}

bool Engine::has_artifact(const Sha256& hash) const { return core_->artifacts.contains(hash); }

}  // namespace autonorm::engine
