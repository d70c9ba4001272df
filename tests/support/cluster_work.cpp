#include "tests/support/cluster_work.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace autonorm::testing {
namespace {

constexpr auto kRound = 5s;
constexpr int kIdleRounds = 15;  // 75 s: reservations, leases and kills that are sent again have all happened
constexpr int kMostRounds = 1'000;

// False when no trial could be moved on.
bool work_once(FakeCluster& cluster) {
  bool moved = false;
  for (const engine::TrialView& seen : live_trials(cluster)) {
    const engine::TrialView view = cluster.trial(seen.id);
    if (!works(cluster, view)) continue;
    moved = true;
    if (view.state == TrialState::kAssigned) {
      join_ranks(cluster, view);
    } else {
      cluster.finish(view.id);
    }
  }
  return moved;
}

}  // namespace

bool listens(const FakeCluster& cluster, const WorkerId& id) {
  const FakeWorker& worker = cluster.worker(id);
  return worker.session.has_value() && !worker.silent;
}

bool works(const FakeCluster& cluster, const engine::TrialView& view) {
  return !view.workers.empty() && std::ranges::all_of(view.workers, [&](const WorkerId& id) {
    const auto& attempts = cluster.worker(id).attempts;
    const auto it = attempts.find(view.id);
    return listens(cluster, id) && it != attempts.end() && it->second.key.attempt == view.attempt && it->second.alive &&
           !it->second.terminal;
  });
}

std::vector<engine::TrialView> all_trials(const FakeCluster& cluster) {
  std::map<TrialId, engine::TrialView> found;
  for (const engine::SweepView& sweep : cluster.engine().sweeps(cluster.now())) {
    for (engine::TrialView& view : cluster.engine().trials(sweep.id)) found.emplace(view.id, std::move(view));
  }
  std::vector<engine::TrialView> views;
  for (auto& [id, view] : found) views.push_back(std::move(view));
  return views;
}

std::vector<engine::TrialView> live_trials(const FakeCluster& cluster) {
  std::vector<engine::TrialView> views = all_trials(cluster);
  std::erase_if(views, [](const engine::TrialView& view) { return view.workers.empty(); });
  return views;
}

void join_ranks(FakeCluster& cluster, const engine::TrialView& view) {
  const FakeAttempt& leader = cluster.worker(view.workers[0]).attempts.at(view.id);
  if (leader.events.empty()) cluster.join_all(view.id);  // after a crash half of it was said: the rest follows
  for (const WorkerId& id : view.workers) {
    if (cluster.state(view.id) == TrialState::kAssigned) cluster.emit(id, view.id, fleet::Ready{"joined", ""});
  }
}

void obey(FakeCluster& cluster, const WorkerId& id, const std::function<void(const TrialId&)>& preempted) {
  if (!listens(cluster, id)) return;
  cluster.bury(id);
  std::set<TrialId> over;
  for (const fleet::ToWorker& message : cluster.take_messages(id)) {
    const auto* stop = std::get_if<fleet::Stop>(&message);
    if (!stop) continue;
    const auto it = cluster.worker(id).attempts.find(stop->key.trial);
    if (it == cluster.worker(id).attempts.end() || it->second.key != stop->key) continue;
    if (stop->mode == fleet::StopMode::kKill) {
      over.insert(stop->key.trial);
    } else if (!it->second.terminal) {  // its checkpoint is written
      if (preempted) preempted(stop->key.trial);
      cluster.fail(id, stop->key.trial, EndReason::kPreempted, stop->text);
    }
  }
  for (const auto& [trial, attempt] : cluster.worker(id).attempts) {
    if (attempt.terminal) over.insert(trial);
  }
  for (const TrialId& trial : over) {
    if (listens(cluster, id)) cluster.free_slot(id, trial);
  }
}

void settle(FakeCluster& cluster) {
  cluster.complete_submissions();
  int idle = 0;
  for (int round = 0; idle < kIdleRounds; ++round) {
    if (round == kMostRounds) {
      ADD_FAILURE() << "trials never end although every worker works";
      return;
    }
    for (const auto& [id, worker] : cluster.workers()) {
      if (!listens(cluster, id)) cluster.connect(id);
      obey(cluster, id);
    }
    idle = work_once(cluster) ? 0 : idle + 1;
    cluster.advance(kRound, kRound);
  }
}

}  // namespace autonorm::testing
