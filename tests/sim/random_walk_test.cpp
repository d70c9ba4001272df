// Random operations on a small cluster, against what must always hold and against a model of what workers were told.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/philox.h"
#include "tests/support/fake_cluster.h"

namespace autonorm::testing {
namespace {

constexpr int kWalks = 60;
constexpr int kSteps = 180;  // 60 · 180 operations

class Walk {
 public:
  explicit Walk(uint64_t seed, bool with_store)
      : random_(seed, "walk", "sim"), cluster_({.store = with_store, .limits = {}}) {
    std::vector<TrialSpec> specs;
    for (uint64_t s = 0; s < 4; ++s)
      specs.push_back({.variant = "one", .seed = s, .priority = static_cast<int64_t>(s % 2)});
    for (uint64_t s = 0; s < 3; ++s) specs.push_back({.variant = "two", .seed = s, .ranks = 2});
    for (uint64_t s = 0; s < 2; ++s) specs.push_back({.variant = "student", .seed = s, .stage = "teacher"});
    sweeps_.push_back(make_sweep("first", specs));
    sweeps_.push_back(make_sweep("second", {specs[0], specs[4], {.variant = "extra"}}));
    workers_ = cluster_.add_workers(3);
    cluster_.submit(sweeps_[0]);
  }

  void step() {
    switch (pick(14)) {
      case 0:
        cluster_.advance(std::chrono::milliseconds(500 * (1 + pick(8))));
        break;
      case 1:
        cluster_.disconnect(worker());
        break;
      case 2:
        reconnect(worker());
        break;
      case 3:
        cluster_.restart_worker(worker());
        break;
      case 4:
        cluster_.act(SweepId(1 + pick(2)), static_cast<engine::SweepAction>(pick(3)));
        break;
      case 5:
        cluster_.submit(sweeps_[static_cast<size_t>(pick(2))], pick(10) == 0);
        break;
      case 6:
        cluster_.worker(worker()).silent = true;
        break;
      case 7:
        fail();
        break;
      case 8:
        repeat_an_event();
        break;
      default:
        go_on();
        break;
    }
    bury_dead();
    check_one_owner();
  }

  // Whatever happened, everything comes to an end when it is left alone.
  void settle() {
    for (const WorkerId& id : workers_) reconnect(id);
    for (int64_t id = 1; id <= static_cast<int64_t>(cluster_.engine().sweeps(cluster_.now()).size()); ++id) {
      cluster_.act(SweepId(id), engine::SweepAction::kResume);
    }
    for (int round = 0; round < 2'000 && open_trials() > 0; ++round) {
      bury_dead();
      go_on();
      if (round % 8 == 7) cluster_.advance(2s);
      if (round % 64 == 63) {
        for (const WorkerId& id : workers_) {
          if (!cluster_.worker(id).session) cluster_.connect(id);
        }
      }
    }
    EXPECT_EQ(open_trials(), 0);
  }

 private:
  int pick(int n) { return static_cast<int>(random_.word(drawn_++) % static_cast<uint32_t>(n)); }
  const WorkerId& worker() { return workers_[static_cast<size_t>(pick(3))]; }
  void reconnect(const WorkerId& id) {
    cluster_.disconnect(id);
    cluster_.connect(id);
  }

  std::vector<TrialId> live() {
    std::set<TrialId> found;
    for (const engine::SweepView& sweep : cluster_.engine().sweeps(cluster_.now())) {
      for (const engine::TrialView& trial : cluster_.engine().trials(sweep.id)) {
        if (!trial.workers.empty()) found.insert(trial.id);
      }
    }
    return {found.begin(), found.end()};
  }
  int64_t open_trials() {
    int64_t open = 0;
    for (const engine::SweepView& sweep : cluster_.engine().sweeps(cluster_.now())) {
      if (sweep.state == "cancelled" || sweep.state == "paused") continue;
      for (const auto& [state, count] : sweep.counts) open += is_open(state) ? count : 0;
    }
    return open;
  }
  bool connected(const WorkerId& id) { return cluster_.worker(id).session.has_value() && !cluster_.worker(id).silent; }
  bool all_connected(const engine::TrialView& view) {
    return std::ranges::all_of(view.workers, [&](const WorkerId& id) {
      return connected(id) && cluster_.worker(id).attempts.contains(view.id);
    });
  }

  void go_on() {
    const std::vector<TrialId> ids = live();
    if (ids.empty()) return;
    const engine::TrialView view = cluster_.trial(ids[static_cast<size_t>(pick(static_cast<int>(ids.size())))]);
    if (!all_connected(view)) return;
    if (view.state == TrialState::kAssigned) {
      cluster_.join_all(view.id);
    } else if (pick(2) == 0) {
      cluster_.checkpoint(view.id, ++step_);
    } else {
      cluster_.finish(view.id);
    }
  }
  void fail() {
    constexpr EndReason kReasons[] = {EndReason::kTrainerCrashed, EndReason::kHostOom, EndReason::kPreempted,
                                      EndReason::kDataMissing};
    const std::vector<TrialId> ids = live();
    if (ids.empty()) return;
    const engine::TrialView view = cluster_.trial(ids[static_cast<size_t>(pick(static_cast<int>(ids.size())))]);
    if (!all_connected(view)) return;
    const WorkerId culprit = view.workers[static_cast<size_t>(pick(static_cast<int>(view.workers.size())))];
    cluster_.fail(culprit, view.id, kReasons[pick(4)]);
  }
  void repeat_an_event() {
    const WorkerId id = worker();
    for (const auto& [trial, attempt] : cluster_.worker(id).attempts) {
      if (attempt.events.empty()) continue;
      const fleet::Event event = attempt.events[static_cast<size_t>(pick(static_cast<int>(attempt.events.size())))];
      cluster_.deliver(id, event);
      return;
    }
  }

  // Workers obey a kill: the trainer ends and the slot is free.
  void bury_dead() {
    for (const WorkerId& id : workers_) {
      if (!connected(id)) continue;
      cluster_.bury(id);
      std::vector<TrialId> over;
      for (const fleet::ToWorker& message : cluster_.take_messages(id)) {
        if (const auto* stop = std::get_if<fleet::Stop>(&message)) {
          const auto it = cluster_.worker(id).attempts.find(stop->key.trial);
          if (stop->mode == fleet::StopMode::kKill && it != cluster_.worker(id).attempts.end() &&
              it->second.key == stop->key) {
            over.push_back(stop->key.trial);
          }
        }
      }
      for (const auto& [trial, attempt] : cluster_.worker(id).attempts) {
        if (attempt.terminal) over.push_back(trial);
      }
      for (const TrialId& trial : over) cluster_.free_slot(id, trial);
    }
  }

  // The coordinator believes no worker to be in two gangs at once.
  void check_one_owner() {
    std::map<WorkerId, TrialId> owner;
    for (const TrialId& id : live()) {
      for (const WorkerId& worker : cluster_.trial(id).workers) {
        if (cluster_.worker_view(worker).trial != id) continue;  // it has given its slot back
        EXPECT_TRUE(owner.emplace(worker, id).second) << worker << " has two trials";
      }
    }
  }

  RandomStream random_;
  uint64_t drawn_ = 0;
  int64_t step_ = 0;
  FakeCluster cluster_;
  std::vector<config::Sweep> sweeps_;
  std::vector<WorkerId> workers_;
};

TEST(RandomWalk, TenThousandOperationsKeepTheInvariantsAndEverythingEnds) {
  for (uint64_t seed = 0; seed < kWalks && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    Walk walk(seed, false);
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) walk.step();
    walk.settle();
  }
}

TEST(RandomWalk, TheStoreNeverDisagrees) {
  for (uint64_t seed = 1'000; seed < 1'003 && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(cat("seed ", seed));
    Walk walk(seed, true);
    for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) walk.step();
    walk.settle();
  }
}

}  // namespace
}  // namespace autonorm::testing
