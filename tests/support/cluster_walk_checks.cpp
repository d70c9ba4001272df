// What must hold after every step of a walk, and at its end.
#include "coordinator/store/report_reader.h"
#include "core/base/text.h"
#include "tests/support/cluster_walk.h"
#include "tests/support/cluster_work.h"

namespace autonorm::testing {
namespace {

constexpr int kSettleRounds = 3'000;

}  // namespace

void ClusterWalk::check() {
  for (const WorkerId& id : workers_) {
    for (const auto& [trial, attempt] : cluster_.worker(id).attempts) {
      if (!attempt.events.empty() && past_.size() < 200) past_.emplace_back(id, attempt.events.back());
    }
  }
  learn_results();
  watch_clocks(false);
  check_new_starts();
  for (std::string& finding : model_.disagreements(cluster_.engine(), cluster_.now()))
    findings_.push_back(std::move(finding));
  check_starts();
  check_drained();
  check_one_owner();
}

// Attempts that their limits have ended, and those that they should have ended. `ticked`: the engine has just looked.
void ClusterWalk::watch_clocks(bool ticked) {
  const SteadyTime now = cluster_.now().steady;
  for (const engine::TrialView& view : all_trials(cluster_)) {
    if (!model_.clocks.limited(view.id)) continue;
    std::string wrong;
    if (const std::optional<Attempt> over = model_.clocks.over(view)) {
      const auto end = cluster_.store().last_failure(view.id);
      const bool known = end.ok() && *end && (*end)->attempt == *over;
      if (known && (*end)->end == name(EndReason::kTimeout)) wrong = model_.clocks.wrong_timeout(view, now);
      const bool stalled = known && (*end)->end == name(EndReason::kStalled);
      if (stalled) wrong = model_.clocks.wrong_stall(view, *over, now);
      if (stalled || (known && (*end)->end == name(EndReason::kTimeout))) model_.bad_end(view.id);
    }
    model_.clocks.observe(view, now);
    if (ticked && wrong.empty() && works(cluster_, view)) wrong = model_.clocks.overdue(view, now);
    if (!wrong.empty()) findings_.push_back(cat(short_form(view.id), " ", wrong));
  }
}

void ClusterWalk::pass(std::chrono::milliseconds span) {
  constexpr auto kTick = 500ms;
  for (; span > 0ms; span -= kTick) {
    watch_clocks(false);
    cluster_.advance(kTick);
    watch_clocks(true);
  }
}

// Nothing new starts for a sweep that is paused, cancelled, or halted since before this step.
void ClusterWalk::check_new_starts() {
  std::vector<engine::TrialView> started;
  for (engine::TrialView& view : live_trials(cluster_)) {
    if (view.attempt <= started_[view.id]) continue;
    if (!model_.wants(view.id))
      findings_.push_back(cat(short_form(view.id), " was started, but no sweep that runs wants it"));
    started.push_back(std::move(view));
  }
  if (calm_) check_turns(started);
}

// What is more urgent goes first. Gangs wait for slots, and trials that had bad luck for other workers: not they.
void ClusterWalk::check_turns(const std::vector<engine::TrialView>& started) {
  for (const engine::TrialView& first : started) {
    if (model_.is_gang(first.id)) continue;
    const std::optional<int64_t> priority = model_.priority(first.id, false);
    for (const engine::TrialView& view : all_trials(cluster_)) {
      if (view.state != TrialState::kQueued || !model_.waited(view.id) || model_.is_gang(view.id)) continue;
      const std::optional<int64_t> urgent = model_.priority(view.id, true);
      if (priority && urgent && *urgent > *priority)
        findings_.push_back(cat(short_form(first.id), " of priority ", *priority, " was started before ",
                                short_form(view.id), " of priority ", *urgent));
    }
  }
}

// A result counts when the trial has ended with the attempt that sent it.
void ClusterWalk::learn_results() {
  for (const engine::TrialView& view : all_trials(cluster_)) {
    const auto it = offered_.find(view.id);
    if (it == offered_.end() || view.state != TrialState::kSucceeded || view.attempt != it->second.first.attempt)
      continue;
    model_.result(view.id, it->second.second);
    offered_.erase(it);
  }
}

// Only what somebody wants is started, and only when its stages are done.
void ClusterWalk::check_starts() {
  for (const engine::TrialView& view : live_trials(cluster_)) {
    if (view.state != TrialState::kAssigned) continue;
    if (!model_.wants(view.id) && !model_.halted(view.id))
      findings_.push_back(cat(short_form(view.id), " was started, but no sweep wants it"));
    if (!model_.stages_done(view.id))
      findings_.push_back(cat(short_form(view.id), " was started without the result of its stage"));
  }
}

// Nothing new starts on a worker that is taken out of use.
void ClusterWalk::check_drained() {
  for (const engine::TrialView& view : live_trials(cluster_)) {
    Attempt& seen = started_[view.id];
    if (view.attempt <= seen) continue;
    seen = view.attempt;
    for (const WorkerId& worker : view.workers) {
      if (model_.drained(worker))
        findings_.push_back(cat(short_form(view.id), " was started on ", worker, ", which is drained"));
    }
  }
}

// The coordinator believes no worker to be in two gangs at once.
void ClusterWalk::check_one_owner() {
  std::map<WorkerId, TrialId> owner;
  for (const engine::TrialView& view : live_trials(cluster_)) {
    for (const WorkerId& worker : view.workers) {
      if (cluster_.worker_view(worker).trial != view.id) continue;  // it has given its slot back
      if (!owner.emplace(worker, view.id).second) findings_.push_back(cat(worker, " has two trials"));
    }
  }
}

void ClusterWalk::settle() {
  crash();  // a death that waits for its operation has missed it
  // Data may be missing on every host that has room for a gang: one more host, so that everything can end.
  for (int i = 0; i < 2; ++i) {
    workers_.push_back(WorkerId(cat("w", workers_.size())));
    cluster_.add_worker({.host = "c"});
  }
  for (const WorkerId& id : workers_) cluster_.connect(id);
  for (const WorkerId& id : workers_) drain(id, engine::Drain::kNo);
  check();  // whoever came back may have brought a failure that halts a sweep: resuming that one is another matter
  for (int64_t id = 1; id <= model_.size(); ++id) {
    model_.observe(cluster_.engine(), cluster_.now());
    act(static_cast<uint32_t>(id - 1), engine::SweepAction::kResume);
  }
  for (int round = 0; round < kSettleRounds && findings_.empty(); ++round) {
    model_.observe(cluster_.engine(), cluster_.now());
    for (const engine::SweepView& sweep : cluster_.engine().sweeps(cluster_.now())) {
      if (sweep.state == "halted") act(static_cast<uint32_t>(sweep.id.value() - 1), engine::SweepAction::kResume);
      model_.observe(cluster_.engine(), cluster_.now());
    }
    bool open = false;
    for (const engine::TrialView& view : all_trials(cluster_)) open |= is_open(view.state) && model_.wants(view.id);
    if (!open) break;
    if (round + 1 == kSettleRounds) findings_.push_back("trials never end although every worker works");
    for (const WorkerId& id : workers_) {
      if (!listens(cluster_, id)) cluster_.connect(id);
      obey(cluster_, id, [this](const TrialId& trial) { model_.bad_end(trial); });
    }
    for (const engine::TrialView& view : live_trials(cluster_)) {
      if (works(cluster_, view)) report(view, 2);
    }
    pass(500ms);
    check();
  }
  check_stored_results();
}

void ClusterWalk::check_stored_results() {
  auto reader = store::ReportReader::open(cluster_.directory());
  for (int64_t id = 1; reader.ok() && id <= model_.size(); ++id) {
    const auto data = (*reader)->report(SweepId(id));
    if (!data.ok()) {
      findings_.push_back(data.status().message());
      return;
    }
    for (const auto& row : data->trials) {
      const auto expected = model_.accepted(row.trial);
      const auto stored = row.results.find("test/accuracy");
      const bool equal =
          expected ? stored != row.results.end() && stored->second == *expected : stored == row.results.end();
      if (!equal) findings_.push_back(cat("the stored result of ", short_form(row.trial), " is not the accepted one"));
    }
  }
}

}  // namespace autonorm::testing
